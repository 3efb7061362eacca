#include "data/simulate/shop_words.h"

namespace tessera::shop {
namespace {

// In two literals, which the compiler joins: one would be longer than every compiler must accept.
constexpr std::string_view kTree =
    R"(@colour black|黑色, white|白色, grey|灰色, navy|藏青色, sky blue|天蓝色, teal|青绿色, forest green|墨绿色, sage|鼠尾草绿, mustard|姜黄色, yellow|黄色, orange|橙色, red|红色, burgundy|酒红色, pink|粉色, lilac|浅紫色, purple|紫色, beige|米色, brown|棕色
@pattern plain|纯色, striped|条纹, checked|格纹, dotted|波点, floral|印花, geometric|几何, two-tone|拼色, marbled|大理石纹
@season spring|春季, summer|夏季, autumn|秋季, winter|冬季, all-season|四季
@style minimalist|简约, vintage|复古, classic|经典, sporty|运动风, bohemian|波西米亚, scandinavian|北欧, industrial|工业风, cute|可爱, elegant|优雅, urban|都市
@origin made in Portugal|葡萄牙制造, made in Italy|意大利制造, made in Japan|日本制造, made in Vietnam|越南制造, made in Turkey|土耳其制造, made in Germany|德国制造, made in India|印度制造, made in China|国产
@price_band budget|平价, standard|标准, premium|高端, luxury|奢华
@pack single|单件装, 2-pack|两件装, 3-pack|三件装, gift box|礼盒装
@finish matte|哑光, glossy|亮面, brushed|拉丝, soft-touch|亲肤
@care machine washable|可机洗, wipe clean|易擦洗, hand wash|手洗, no ironing|免烫
D Clothing|服饰
@audience women|女款, men|男款, kids|儿童款, unisex|男女同款
@material cotton|纯棉, linen|亚麻, wool|羊毛, silk|真丝, viscose|粘胶, polyester|聚酯纤维
@size XS|XS码, S|S码, M|M码, L|L码, XL|XL码, XXL|XXL码
@scene office days|通勤, weekends|周末休闲, parties|聚会, travel|旅行, lounging|居家, beach days|海边
@function breathable|透气, quick-dry|速干, warm|保暖, wrinkle-free|抗皱, stretch|弹力, sun protection|防晒
@shape slim fit|修身, regular fit|常规版型, oversized|宽松, cropped|短款, longline|长款
@finish washed|水洗, sueded|磨毛, smooth|光滑, ribbed|罗纹
@care machine washable|可机洗, hand wash|手洗, no ironing|免烫, dry clean|干洗
@feature with pockets|带口袋, crew neck|圆领, v-neck|V领, hooded|连帽, embroidered|刺绣, reversible|双面穿
G Tops|上装
L T-Shirts|T恤; t-shirt; tee|短袖; 18; top; Jeans, Sneakers
@material cotton|纯棉, organic cotton|有机棉, linen|亚麻, jersey|针织棉, bamboo|竹纤维
@feature crew neck|圆领, v-neck|V领, with chest pocket|带胸袋, long sleeve|长袖, embroidered|刺绣
L Shirts|衬衫; shirt; blouse|衬衣; 34; top; Trousers, Loafers
@material cotton|纯棉, linen|亚麻, silk|真丝, poplin|府绸, flannel|法兰绒
@feature button-down|扣领, band collar|立领, long sleeve|长袖, short sleeve|短袖款, with chest pocket|带胸袋
L Sweaters|毛衣; sweater; jumper|针织衫; 52; top; Skirts, Coats
@material merino wool|美利奴羊毛, cashmere|羊绒, cotton|纯棉, mohair|马海毛, alpaca|羊驼毛
@feature crew neck|圆领, turtleneck|高领, v-neck|V领, cable knit|麻花针织, zip front|拉链开衫
G Bottoms|下装
L Jeans|牛仔裤; jeans; denim|丹宁裤; 48; bottom; T-Shirts, Ankle Boots
@material denim|丹宁, stretch denim|弹力丹宁, raw denim|原色丹宁, recycled denim|再生丹宁
@feature high waist|高腰, straight leg|直筒, wide leg|阔腿, ripped|破洞, with five pockets|五袋款
L Trousers|西裤; trousers; slacks|长裤; 45; bottom; Shirts, Loafers
@feature high waist|高腰, straight leg|直筒, wide leg|阔腿, pleated|褶裥, drawstring|抽绳
L Shorts|短裤; shorts; bermudas|五分裤; 26; bottom; T-Shirts, Sandals
@feature with pockets|带口袋, drawstring|抽绳, high waist|高腰, cargo|工装款
G Outerwear|外套
@material wool blend|羊毛混纺, nylon|尼龙, down|羽绒, waxed cotton|蜡棉, fleece|抓绒, leather|皮革
@function windproof|防风, waterproof|防水, warm|保暖, lightweight|轻便, breathable|透气
L Jackets|夹克; jacket; blazer|短外套; 78; coat; Jeans, T-Shirts
L Coats|大衣; coat; overcoat|风衣; 128; coat; Sweaters, Ankle Boots
L Raincoats|雨衣; raincoat; rain jacket|雨披; 58; coat; Hiking Boots, Backpacks
@material nylon|尼龙, polyester|聚酯纤维, rubberised cotton|涂胶棉, recycled nylon|再生尼龙
G Dresses & Skirts|裙装
@audience women|女款, girls|女童款
@feature with pockets|带口袋, pleated|百褶, wrap front|裹身, lace trim|蕾丝边, backless|露背, belted|系带
L Dresses|连衣裙; dress; frock|长裙; 59; dress; Sandals, Crossbody Bags
L Skirts|半身裙; skirt; midi|中长裙; 38; dress; Sweaters, Ankle Boots
L Jumpsuits|连体裤; jumpsuit; playsuit|连身裤; 56; dress; Jackets, Tote Bags
D Shoes & Bags|鞋包
@audience women|女款, men|男款, kids|儿童款, unisex|男女同款
@material leather|真皮, suede|麂皮, canvas|帆布, mesh|网布, nylon|尼龙, recycled polyester|再生聚酯
@size small|小号, medium|中号, large|大号
@scene office days|通勤, weekends|周末休闲, travel|旅行, school|上学, parties|聚会, outdoor days|户外
@function waterproof|防水, lightweight|轻便, anti-slip|防滑, cushioned|缓震, anti-theft|防盗
@shape slim|纤巧, round|圆形, structured|挺括, slouchy|软款, boxy|方形
@feature with zip|带拉链, with buckle|带搭扣, quilted|绗缝, with logo|经典标识, padded|加厚
@care wipe clean|易擦洗, hand wash|手洗, machine washable|可机洗, brush clean|刷洗
G Casual Shoes|休闲鞋
@size EU 36|36码, EU 37|37码, EU 38|38码, EU 39|39码, EU 40|40码, EU 41|41码, EU 42|42码, EU 43|43码, EU 44|44码
@shape low-top|低帮, high-top|高帮, round toe|圆头, wide fit|宽楦
@feature lace-up|系带款, slip-on|一脚蹬, memory foam|记忆棉, thick sole|厚底
L Sneakers|运动鞋; sneakers; trainers|球鞋; 69; shoe; T-Shirts, Fitness Bands
L Loafers|乐福鞋; loafers; moccasins|豆豆鞋; 74; shoe; Trousers, Wallets
@material leather|真皮, suede|麂皮, patent leather|漆皮, nubuck|磨砂皮
L Canvas Shoes|帆布鞋; canvas shoes; plimsolls|布鞋; 42; shoe; Shorts, Tote Bags
@material canvas|帆布, organic cotton|有机棉, hemp|麻布, recycled canvas|再生帆布
G Boots & Sandals|靴子凉鞋
@size EU 36|36码, EU 37|37码, EU 38|38码, EU 39|39码, EU 40|40码, EU 41|41码, EU 42|42码, EU 43|43码, EU 44|44码
@shape round toe|圆头, pointed toe|尖头, square toe|方头, wide fit|宽楦
@feature lace-up|系带款, side zip|侧拉链, block heel|粗跟, thick sole|厚底, ankle strap|踝带
L Ankle Boots|短靴; ankle boots; booties|踝靴; 89; boot; Skirts, Coats
@material leather|真皮, suede|麂皮, nubuck|磨砂皮, vegan leather|纯素皮
L Hiking Boots|登山鞋; hiking boots; trekking shoes|徒步鞋; 110; boot; Backpacks, Tents
@material leather|真皮, mesh|网布, nubuck|磨砂皮, cordura|考度拉
L Sandals|凉鞋; sandals; slides|沙滩鞋; 36; shoe; Shorts, Swimsuits
G Bags|包袋
L Backpacks|双肩包; backpack; rucksack|书包; 56; bag; Water Bottles, Notebooks
L Tote Bags|托特包; tote bag; shopper|手提袋; 44; bag; Wallets, Dresses
L Crossbody Bags|斜挎包; crossbody bag; shoulder bag|单肩包; 49; bag; Wallets, Perfumes
G Travel Gear|旅行用品
L Suitcases|行李箱; suitcase; luggage|拉杆箱; 119; case; Duffel Bags, Power Banks
@material polycarbonate|聚碳酸酯, aluminium|铝合金, ABS|ABS塑料, nylon|尼龙
@size 20 inch|20寸, 24 inch|24寸, 28 inch|28寸
@feature with TSA lock|海关锁, spinner wheels|万向轮, expandable|可扩展, with USB port|带充电口
L Duffel Bags|旅行袋; duffel bag; gym bag|健身包; 62; bag; Water Bottles, Sneakers
L Wallets|钱包; wallet; card holder|卡包; 32; case; Loafers, Watch Straps
@material leather|真皮, canvas|帆布, vegan leather|纯素皮, carbon fibre|碳纤维
@function RFID blocking|防盗刷, slim|超薄, waterproof|防水
D Home & Living|家居
@audience adults|成人款, kids|儿童款, seniors|长辈款, everyone|全家适用
@material cotton|纯棉, linen|亚麻, wood|实木, ceramic|陶瓷, glass|玻璃, rattan|藤编
@size small|小号, medium|中号, large|大号
@scene bedrooms|卧室, living rooms|客厅, home office days|书房, bathrooms|浴室, balconies|阳台, nurseries|儿童房
@function space-saving|省空间, dimmable|可调光, hypoallergenic|低敏, odour-free|无异味, moisture-proof|防潮
@shape round|圆形, square|方形, oval|椭圆形, rectangular|长方形, organic|不规则形
@feature handmade|手工制作, foldable|可折叠, stackable|可叠放, with lid|带盖, eco-friendly|环保
@care wipe clean|易擦洗, machine washable|可机洗, hand wash|手洗, dust only|除尘即可
G Bedding|床品
@material cotton|纯棉, washed linen|水洗亚麻, bamboo|竹纤维, silk|真丝, microfibre|超细纤维
@size single|单人, double|双人, king|加大双人
@function breathable|透气, warm|保暖, cooling|凉感, hypoallergenic|低敏
@feature with zip closure|拉链开口, 400 thread count|400织, quilted|绗缝, reversible|双面可用
L Duvet Covers|被套; duvet cover; bedding set|床品套件; 64; cloth; Pillows, Blankets
L Pillows|枕头; pillow; cushion|枕芯; 29; cloth; Duvet Covers, Blankets
@material down|羽绒, memory foam|记忆棉, latex|乳胶, buckwheat|荞麦
L Blankets|毛毯; blanket; throw|盖毯; 39; cloth; Candles, Pillows
@material wool|羊毛, cotton|纯棉, fleece|法兰绒, cashmere|羊绒, mohair|马海毛
G Lighting|灯具
@material brass|黄铜, linen|亚麻, glass|玻璃, bamboo|竹编, concrete|水泥, steel|钢制
@function dimmable|可调光, energy-saving|节能, eye-caring|护眼, remote control|遥控
@feature with USB port|带USB口, touch switch|触摸开关, warm light|暖光, adjustable arm|可调灯臂
L Table Lamps|台灯; table lamp; desk light|桌灯; 46; lamp; Notebooks, Vases
L Floor Lamps|落地灯; floor lamp; standing lamp|立灯; 98; lamp; Wall Clocks, Blankets
L String Lights|灯串; string lights; fairy lights|彩灯; 19; lamp; Candles, Tents
G Decor|装饰
@feature handmade|手工制作, limited edition|限量款, gift-ready|送礼佳品, eco-friendly|环保
L Vases|花瓶; vase; flower pot|花器; 31; bottle; Candles, Table Lamps
@material ceramic|陶瓷, glass|玻璃, stoneware|粗陶, terracotta|陶土
L Wall Clocks|挂钟; wall clock; clock|时钟; 37; round; Vases, Floor Lamps
@material wood|实木, metal|金属, bamboo|竹制, glass|玻璃
@function silent|静音, luminous|夜光, radio-controlled|电波对时
L Candles|香薰蜡烛; scented candle; candle|蜡烛; 22; jar; Vases, Shower Gels
@material soy wax|大豆蜡, beeswax|蜂蜡, coconut wax|椰子蜡
@feature cedar scent|雪松香, lavender scent|薰衣草香, vanilla scent|香草香, fig scent|无花果香, 40-hour burn|燃烧40小时
G Storage|收纳
L Storage Baskets|收纳篮; storage basket; hamper|收纳筐; 24; case; Hangers, Shelves
@material rattan|藤编, cotton rope|棉绳, seagrass|海草, felt|毛毡
L Shelves|置物架; shelf; rack|架子; 68; case; Storage Baskets, Wall Clocks
@material oak|橡木, walnut|胡桃木, steel|钢制, bamboo|竹制, pine|松木
@feature wall-mounted|壁挂式, adjustable|可调节, easy assembly|易安装, three tiers|三层
L Hangers|衣架; hanger set; clothes hangers|晾衣架; 16; lamp; Storage Baskets, Shirts
@material velvet|植绒, beech wood|榉木, steel|钢制, plastic|塑料
D Kitchen & Dining|厨房餐饮
@audience beginners|新手, families|家庭装, home chefs|厨艺爱好者, kids|儿童款
@material stainless steel|不锈钢, cast iron|铸铁, ceramic|陶瓷, glass|玻璃, bamboo|竹制, enamel|搪瓷
@size small|小号, medium|中号, large|大号
@scene breakfast|早餐, dinner parties|宴客, camping|露营, everyday cooking|日常烹饪, baking|烘焙, office lunches|带饭
@function non-stick|不粘, heat-resistant|耐高温, leak-proof|防漏, dishwasher safe|可进洗碗机, oven safe|可进烤箱
@shape round|圆形, square|方形, deep|深款, shallow|浅款, tall|高款
@feature with lid|带盖, ergonomic handle|人体工学手柄, double wall|双层, with measuring marks|带刻度, hand-thrown|手拉坯
@care dishwasher safe|洗碗机清洗, hand wash|手洗, wipe clean|易擦洗, re-season yearly|定期开锅
G Cookware|锅具
@material cast iron|铸铁, stainless steel|不锈钢, carbon steel|碳钢, aluminium|铝制, copper|铜制
@size 20 cm|20厘米, 24 cm|24厘米, 28 cm|28厘米, 32 cm|32厘米
L Frying Pans|平底锅; frying pan; skillet|煎锅; 39; pan; Spatulas, Saucepans
L Saucepans|奶锅; saucepan; pot|汤锅; 42; pan; Frying Pans, Bowls
L Woks|炒锅; wok; stir-fry pan|铁锅; 48; pan; Spatulas, Chef Knives
G Tableware|餐具
@material stoneware|粗陶, porcelain|瓷, bone china|骨瓷, glass|玻璃, enamel|搪瓷
@size 300 ml|300毫升, 450 ml|450毫升, 600 ml|600毫升
L Mugs|马克杯; mug; coffee cup|咖啡杯; 14; jar; Teapots, Plates
L Plates|餐盘; plate; dish|盘子; 17; round; Bowls, Mugs
@size 16 cm|6寸, 21 cm|8寸, 27 cm|10寸
L Bowls|碗; bowl; ramen bowl|面碗; 15; round; Plates, Saucepans
G Utensils|厨具
@size 15 cm|15厘米, 20 cm|20厘米, 30 cm|30厘米
L Chef Knives|菜刀; chef knife; kitchen knife|厨师刀; 55; tool; Cutting Boards, Woks
@material damascus steel|大马士革钢, stainless steel|不锈钢, carbon steel|碳钢, ceramic|陶瓷
L Cutting Boards|砧板; cutting board; chopping board|菜板; 27; book; Chef Knives, Bowls
@material walnut|胡桃木, bamboo|竹制, acacia|相思木, plastic|塑料
L Spatulas|锅铲; spatula; turner|铲子; 12; tool; Frying Pans, Woks
@material silicone|硅胶, beech wood|榉木, stainless steel|不锈钢, nylon|尼龙
G Drinks|饮具
@size 350 ml|350毫升, 500 ml|500毫升, 750 ml|750毫升, 1 l|1升
L Kettles|水壶; kettle; gooseneck kettle|烧水壶; 49; pot; Teapots, Mugs
L Teapots|茶壶; teapot; tea set|茶具; 35; pot; Mugs, Kettles
@material ceramic|陶瓷, glass|玻璃, purple clay|紫砂, cast iron|铸铁
L Water Bottles|水杯; water bottle; flask|保温杯; 24; bottle; Backpacks, Yoga Mats
@material stainless steel|不锈钢, tritan|Tritan, glass|玻璃, aluminium|铝制
)"
    R"(D Electronics|数码
@audience gamers|电竞, professionals|商务, students|学生, runners|跑者, everyone|通用
@material aluminium|铝合金, plastic|塑料, silicone|硅胶, leather|真皮, recycled plastic|再生塑料, carbon fibre|碳纤维
@size compact|迷你, standard|标准, large|大号
@scene commuting|通勤, home office days|居家办公, gaming|游戏, workout|健身, travel|出行, study|学习
@function noise cancelling|降噪, fast charging|快充, waterproof|防水, low latency|低延迟, wireless|无线
@shape foldable|折叠, slim|超薄, round|圆形, ergonomic|人体工学, square|方形
@feature 30-hour battery|30小时续航, with microphone|带麦克风, LED display|LED显示, dual device|双设备连接, USB-C|USB-C接口
@care wipe clean|易擦洗, splash-proof|防溅, replaceable parts|可换配件
G Audio|音频
@function noise cancelling|降噪, wireless|无线, waterproof|防水, deep bass|重低音, low latency|低延迟
L Headphones|头戴耳机; headphones; headset|耳麦; 89; ring; Phone Cases, Speakers
L Earbuds|蓝牙耳机; earbuds; earphones|耳塞; 59; buds; Phone Cases, Fitness Bands
L Speakers|音箱; speaker; soundbox|音响; 75; case; Headphones, String Lights
G Phone Accessories|手机配件
@size 6.1 inch|6.1寸, 6.7 inch|6.7寸, mini|迷你款
@feature magnetic|磁吸, with stand|带支架, camera protection|镜头保护, USB-C|USB-C接口
L Phone Cases|手机壳; phone case; phone cover|保护壳; 17; phone; Chargers, Power Banks
@material silicone|硅胶, leather|真皮, aramid|芳纶, recycled plastic|再生塑料, clear TPU|透明TPU
@function shockproof|防摔, slim|超薄, anti-fingerprint|防指纹, wireless charging|支持无线充
L Chargers|充电器; charger; power adapter|充电头; 22; phone; Power Banks, Phone Cases
@size 20 W|20瓦, 45 W|45瓦, 65 W|65瓦, 100 W|100瓦
L Power Banks|充电宝; power bank; battery pack|移动电源; 34; phone; Chargers, Suitcases
@size 5000 mAh|5000毫安, 10000 mAh|10000毫安, 20000 mAh|20000毫安
G Computing|电脑外设
@function wireless|无线, quiet|静音, low latency|低延迟, ergonomic support|护腕
@feature RGB lighting|RGB灯光, hot-swappable|热插拔, rechargeable|可充电, dual device|双设备连接
L Keyboards|键盘; keyboard; mechanical keyboard|机械键盘; 72; book; Mice, Laptop Stands
@size 60%|60键, 75%|75键, full size|全尺寸
L Mice|鼠标; mouse; wireless mouse|无线鼠标; 33; buds; Keyboards, Laptop Stands
L Laptop Stands|电脑支架; laptop stand; notebook riser|笔记本支架; 36; book; Keyboards, Table Lamps
@material aluminium|铝合金, walnut|胡桃木, steel|钢制, bamboo|竹制
G Wearables|智能穿戴
@size 38 mm|38毫米, 42 mm|42毫米, 46 mm|46毫米
@feature GPS|GPS定位, heart rate|心率监测, sleep tracking|睡眠监测, quick release|快拆, always-on display|常亮屏
L Smartwatches|智能手表; smartwatch; watch|运动手表; 129; watch; Watch Straps, Earbuds
L Fitness Bands|智能手环; fitness band; activity tracker|运动手环; 45; watch; Resistance Bands, Earbuds
L Watch Straps|表带; watch strap; watch band|手表带; 19; watch; Smartwatches, Wallets
@material leather|真皮, silicone|硅胶, nylon|尼龙, milanese steel|米兰尼斯钢, titanium|钛金属
D Beauty|美妆个护
@audience dry skin|干性肌肤, oily skin|油性肌肤, sensitive skin|敏感肌, all skin types|所有肤质
@material hyaluronic acid|玻尿酸, vitamin C|维生素C, green tea|绿茶, shea butter|乳木果, niacinamide|烟酰胺, rose|玫瑰
@size 30 ml|30毫升, 50 ml|50毫升, 100 ml|100毫升, 200 ml|200毫升
@scene morning routines|晨间护理, night routines|夜间护理, travel|旅行, date nights|约会, after sport|运动后
@function moisturising|保湿, brightening|提亮, soothing|舒缓, anti-ageing|抗初老, oil control|控油
@shape pump bottle|按压瓶, tube|软管, jar|罐装, dropper|滴管瓶
@feature fragrance-free|无香, vegan|纯素, alcohol-free|无酒精, refillable|可替换装, SPF 30|SPF30
@finish dewy|水光, matte|哑光, satin|缎光, natural|自然
@care keep cool|阴凉保存, use within 6 months|开封后6个月内用完, close tightly|密封保存
G Skincare|护肤
L Face Creams|面霜; face cream; moisturiser|乳霜; 32; jar; Serums, Cleansers
L Serums|精华; serum; essence|精华液; 38; bottle; Face Creams, Cleansers
L Cleansers|洁面; cleanser; face wash|洗面奶; 18; tube; Face Creams, Serums
G Makeup|彩妆
@function long-lasting|持久, transfer-proof|不沾杯, lightweight|轻薄, buildable|可叠涂, hydrating|滋润
@size mini|迷你装, regular|正装
@audience beginners|新手, professionals|专业, everyday wear|日常, sensitive skin|敏感肌
L Lipsticks|口红; lipstick; lip colour|唇膏; 21; tube; Nail Polishes, Foundations
L Foundations|粉底液; foundation; base|底妆; 29; bottle; Lipsticks, Face Creams
L Nail Polishes|指甲油; nail polish; nail lacquer|美甲油; 10; bottle; Lipsticks, Hand Creams
G Hair Care|美发护发
@audience dry hair|干枯发质, oily hair|油性发质, curly hair|卷发, coloured hair|染后发质
@material argan oil|摩洛哥坚果油, keratin|角蛋白, ginger|生姜, coconut|椰子, tea tree|茶树, rosemary|迷迭香
@function repairing|修护, volumising|蓬松, smoothing|柔顺, anti-dandruff|去屑
@size 250 ml|250毫升, 400 ml|400毫升, 500 ml|500毫升
L Shampoos|洗发水; shampoo; hair wash|洗发露; 15; bottle; Hair Masks, Shower Gels
L Hair Masks|发膜; hair mask; conditioner|护发素; 19; jar; Shampoos, Hair Dryers
L Hair Dryers|吹风机; hair dryer; blow dryer|电吹风; 68; tool; Hair Masks, Shampoos
@material aluminium|铝合金, plastic|塑料, carbon fibre|碳纤维
@size compact|迷你, standard|标准
@function ionic|负离子, quiet|静音, fast-drying|速干, constant temperature|恒温
@shape foldable|折叠, T-shape|T型, tubular|直筒
@feature with diffuser|带扩散风嘴, three heat settings|三档温度, cold shot|冷风键, magnetic nozzle|磁吸风嘴
G Body Care|身体护理
L Hand Creams|护手霜; hand cream; hand balm|手霜; 11; tube; Nail Polishes, Shower Gels
L Shower Gels|沐浴露; shower gel; body wash|沐浴乳; 13; bottle; Shampoos, Hand Creams
L Perfumes|香水; perfume; eau de parfum|淡香水; 62; bottle; Lipsticks, Candles
@material bergamot|佛手柑, sandalwood|檀香, jasmine|茉莉, vetiver|香根草, amber|琥珀, peony|牡丹
@function long-lasting|持久, subtle|淡雅, fresh|清新, intense|浓郁
D Sports & Outdoors|运动户外
@audience women|女款, men|男款, beginners|入门级, professionals|专业级, kids|儿童款
@material nylon|尼龙, neoprene|氯丁橡胶, aluminium|铝合金, natural rubber|天然橡胶, polyester|聚酯纤维, cork|软木
@size S|S码, M|M码, L|L码, XL|XL码
@scene the gym|健身房, home workout|居家健身, trail runs|越野, camping|露营, commuting|通勤, the pool|泳池
@function anti-slip|防滑, waterproof|防水, shockproof|防震, lightweight|轻便, quick-dry|速干, windproof|防风
@shape compact|紧凑型, long|加长型, round|圆形, aerodynamic|流线型
@feature with carry strap|带背带, adjustable|可调节, reflective|反光, with storage bag|附收纳袋, extra thick|加厚
@care wipe clean|易擦洗, machine washable|可机洗, rinse after use|用后冲洗, air dry|自然晾干
G Fitness|健身
L Yoga Mats|瑜伽垫; yoga mat; exercise mat|健身垫; 35; book; Resistance Bands, Water Bottles
@material natural rubber|天然橡胶, cork|软木, TPE|TPE, jute|黄麻
@size 4 mm|4毫米, 6 mm|6毫米, 8 mm|8毫米
L Dumbbells|哑铃; dumbbell set; weights|杠铃片; 49; tool; Resistance Bands, Yoga Mats
@material cast iron|铸铁, neoprene|浸塑, steel|钢制, rubber|包胶
@size 2 kg|2公斤, 5 kg|5公斤, 10 kg|10公斤, 20 kg|20公斤
L Resistance Bands|弹力带; resistance band; loop band|拉力带; 16; ring; Yoga Mats, Dumbbells
@material natural latex|天然乳胶, fabric|布艺, TPE|TPE
@size light|轻阻力, medium|中阻力, heavy|重阻力
G Camping|露营
@audience families|家庭款, couples|双人款, solo hikers|单人徒步, scouts|青少年
L Tents|帐篷; tent; shelter|天幕; 149; tent; Sleeping Bags, Camping Lanterns
@size 1 person|单人, 2 person|双人, 4 person|四人
@material nylon|尼龙, polyester|聚酯纤维, ripstop|防撕裂布, polycotton|棉涤
L Sleeping Bags|睡袋; sleeping bag; mummy bag|户外睡袋; 79; cloth; Tents, Hiking Boots
@material down|羽绒, hollow fibre|中空棉, fleece|抓绒, recycled polyester|再生聚酯
L Camping Lanterns|露营灯; camping lantern; camp light|营地灯; 28; lamp; Tents, Power Banks
@material aluminium|铝合金, plastic|塑料, brass|黄铜, silicone|硅胶
@size 200 lm|200流明, 500 lm|500流明, 1000 lm|1000流明
G Cycling|骑行
L Bike Helmets|骑行头盔; bike helmet; cycling helmet|单车头盔; 58; round; Bike Lights, Bike Bags
@material polycarbonate|聚碳酸酯, carbon fibre|碳纤维, EPS foam|EPS泡沫
L Bike Lights|车灯; bike light; cycle lamp|自行车灯; 24; buds; Bike Helmets, Bike Bags
@material aluminium|铝合金, plastic|塑料, silicone|硅胶
@size 200 lm|200流明, 500 lm|500流明, 1000 lm|1000流明
L Bike Bags|车包; bike bag; saddle bag|自行车包; 37; bag; Bike Lights, Water Bottles
G Swimming|游泳
@scene the pool|泳池, beach days|海边, training|训练, holidays|度假
@function quick-dry|速干, anti-chlorine|抗氯, sun protection|防晒, waterproof|防水
L Swimsuits|泳衣; swimsuit; swimwear|游泳衣; 42; dress; Swim Goggles, Sandals
@material nylon|尼龙, recycled nylon|再生尼龙, polyester|聚酯纤维, lycra|莱卡
L Swim Goggles|泳镜; swim goggles; goggles|游泳镜; 19; buds; Swim Caps, Swimsuits
@material silicone|硅胶, polycarbonate|聚碳酸酯, TPE|TPE
@feature anti-fog|防雾, mirrored|镀膜, UV filter|防紫外线, adjustable|可调节
L Swim Caps|泳帽; swim cap; bathing cap|游泳帽; 11; round; Swim Goggles, Swimsuits
@material silicone|硅胶, lycra|莱卡, latex|乳胶
D Toys & Stationery|玩具文具
@audience ages 0-3|0-3岁, ages 3-6|3-6岁, ages 6-9|6-9岁, ages 10+|10岁以上, grown-ups|成人
@material beech wood|榉木, plush|毛绒, recycled paper|再生纸, silicone|硅胶, cardboard|纸板, ABS|ABS塑料
@size small|小号, medium|中号, large|大号
@scene rainy days|雨天在家, birthdays|生日, classrooms|课堂, travel|旅途, bedtime|睡前, game nights|桌游之夜
@function educational|益智, calming|安抚, creative|创意, easy to hold|易抓握, non-toxic|无毒
@shape round|圆润, square|方形, animal-shaped|动物造型, flat|扁平
@feature gift wrapped|礼品包装, with storage box|附收纳盒, glow in the dark|夜光, personalised|可定制, award-winning|获奖款
@care wipe clean|易擦洗, machine washable|可机洗, keep dry|保持干燥
G Toys|玩具
L Building Blocks|积木; building blocks; bricks|拼插积木; 34; case; Puzzles, Plush Toys
@material beech wood|榉木, ABS|ABS塑料, bamboo|竹制, foam|泡沫
@size 50 pieces|50块, 120 pieces|120块, 300 pieces|300块
L Plush Toys|毛绒玩具; plush toy; stuffed animal|公仔; 23; toy; Building Blocks, Bibs
@material plush|毛绒, organic cotton|有机棉, corduroy|灯芯绒, wool felt|羊毛毡
L Puzzles|拼图; puzzle; jigsaw|拼板; 19; book; Building Blocks, Card Games
@material cardboard|纸板, beech wood|榉木, recycled paper|再生纸
@size 100 pieces|100片, 500 pieces|500片, 1000 pieces|1000片
G Baby|母婴
@audience newborn|新生儿, 3-6 months|3-6个月, 6-12 months|6-12个月, toddlers|学步期
@material silicone|硅胶, organic cotton|有机棉, bamboo|竹纤维, glass|玻璃
@scene feeding|喂养, travel|出行, bedtime|睡前, playtime|玩耍
@function anti-colic|防胀气, leak-proof|防漏, non-toxic|无毒, easy to clean|易清洗
L Baby Bottles|奶瓶; baby bottle; feeding bottle|喂奶瓶; 16; bottle; Bibs, Pacifiers
@size 150 ml|150毫升, 240 ml|240毫升, 330 ml|330毫升
L Bibs|围兜; bib; feeding bib|口水巾; 10; cloth; Baby Bottles, Pacifiers
L Pacifiers|安抚奶嘴; pacifier; soother|奶嘴; 9; ring; Baby Bottles, Plush Toys
G Stationery|文具
@audience students|学生, artists|画师, professionals|职场, kids|儿童
@scene classrooms|课堂, office days|办公, journaling|手账, sketching|写生
@function quick-drying|速干, refillable|可替换芯, bleed-proof|不透页, smooth writing|书写顺滑
L Notebooks|笔记本; notebook; journal|手账本; 13; book; Gel Pens, Backpacks
@material recycled paper|再生纸, leather cover|真皮封面, kraft paper|牛皮纸, linen cover|布面
@size A4|A4, A5|A5, B6|B6
@feature dotted pages|点阵页, lined pages|横线页, blank pages|空白页, with bookmark|带书签绳
L Gel Pens|中性笔; gel pen; pen|签字笔; 8; tool; Notebooks, Sketchbooks
@material aluminium|铝制, plastic|塑料, brass|黄铜, bamboo|竹制
@size 0.38 mm|0.38毫米, 0.5 mm|0.5毫米, 0.7 mm|0.7毫米
L Sketchbooks|素描本; sketchbook; drawing pad|画本; 15; book; Gel Pens, Notebooks
@material recycled paper|再生纸, cotton paper|棉浆纸, kraft paper|牛皮纸, watercolour paper|水彩纸
@size A3|A3, A4|A4, A5|A5
G Games|桌游
@scene game nights|桌游之夜, family evenings|家庭时光, travel|旅途, birthdays|生日
@function strategy|策略, cooperative|合作, party|派对, quick to learn|上手快
@size 2 players|双人, 2-4 players|2-4人, 4-8 players|4-8人
L Board Games|桌游; board game; strategy game|策略桌游; 36; book; Card Games, Puzzles
L Card Games|卡牌游戏; card game; card deck|纸牌; 14; book; Board Games, Puzzles
L Chess Sets|国际象棋; chess set; chess|象棋; 44; book; Board Games, Card Games
@material walnut|胡桃木, marble|大理石, maple|枫木, resin|树脂
)";

constexpr std::string_view kBrandStarts =
    "Nor|诺, Lum|露, Cal|卡, Ver|薇, Tess|泰, Ald|安, Bri|布, Mer|梅, Hol|禾, Sol|索, Fen|芬, Ost|欧, Quil|奎, Wil|维, "
    "Thal|塔, Zeph|泽, Kor|柯, Ely|伊, Rav|瑞, Ist|依, Jun|君, Pell|佩, Dov|朵, Gal|嘉";
constexpr std::string_view kBrandEnds =
    "vale|谷, wick|薇, ora|拉, mere|湖, ford|芙, lin|琳, haven|港, ette|蒂, mont|蒙, stead|町, ique|奇, ano|诺";
constexpr std::string_view kSeriesWords =
    "Aurora|极光, Drift|漂流, Pebble|卵石, Harbour|港湾, Meadow|草甸, Orbit|轨道, Willow|柳影, Ember|余烬, "
    "Cascade|飞瀑, "
    "Lumen|流明, Nomad|旅人, Solstice|至日, Breeze|微风, Atlas|阿特拉斯, Juniper|杜松, Tundra|苔原, Echo|回声, "
    "Saffron|藏红, Mosaic|马赛克, Horizon|地平线, Velvet|丝绒, Summit|峰顶, Lagoon|潟湖, Origami|折纸, Comet|彗星, "
    "Prairie|原野, Cobalt|钴蓝, Maple|枫叶, Zenith|天顶, Coral|珊瑚";

}  // namespace

std::string_view shop_tree() {
  return kTree;
}
std::string_view brand_starts() {
  return kBrandStarts;
}
std::string_view brand_ends() {
  return kBrandEnds;
}
std::string_view series_names() {
  return kSeriesWords;
}

}  // namespace tessera::shop
