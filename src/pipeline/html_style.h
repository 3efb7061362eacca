#pragma once

namespace tessera::html {

/// The style sheet of every page: light by default, dark where the reader's system asks for it.
inline constexpr const char* kStyleSheet = R"css(
:root{--bg:#f6f7f9;--card:#fff;--ink:#1b2330;--soft:#5c6878;--line:#e3e7ed;--accent:#2f6fde;--accent-soft:#e6effc;--good:#12835a;
--good-soft:#e0f4ea;--bad:#b3402e;--c1:#2f6fde;--c2:#e08a1e;--c3:#12835a;--c4:#a346b5;--c5:#c7392f;--c6:#0f8ea0}
@media (prefers-color-scheme:dark){:root{--bg:#11151c;--card:#1a202a;--ink:#e7ecf3;--soft:#98a4b5;--line:#2c3543;--accent:#78a7ff;
--accent-soft:#1d2d4c;--good:#56cf9b;--good-soft:#153528;--bad:#f08a78;--c1:#78a7ff;--c2:#f2ad55;--c3:#56cf9b;--c4:#d08be0;
--c5:#f08a78;--c6:#58c7d6}}
*{box-sizing:border-box}
body{margin:0;background:var(--bg);color:var(--ink);font:15px/1.5 system-ui,-apple-system,"Segoe UI",Roboto,"Noto Sans",sans-serif}
main{max-width:1080px;margin:0 auto;padding:36px 24px 64px}
h1{font-size:28px;line-height:1.2;margin:0 0 6px;letter-spacing:-.01em}
h2{font-size:18px;margin:0 0 4px}
h3{font-size:14px;margin:18px 0 6px}
p{margin:4px 0 12px}
.lead,.hint{color:var(--soft)}
.hint{font-size:13px}
.chips{display:flex;flex-wrap:wrap;gap:8px;margin:12px 0 22px}
.chip{background:var(--card);border:1px solid var(--line);border-radius:999px;padding:3px 12px;font-size:13px;color:var(--soft)}
.chip b{color:var(--ink);font-weight:600}
.tiles{display:grid;grid-template-columns:repeat(auto-fit,minmax(150px,1fr));gap:12px;margin-bottom:18px}
.tile,.card{background:var(--card);border:1px solid var(--line);border-radius:14px}
.tile{padding:14px 16px}
.tile .name{color:var(--soft);font-size:13px}
.tile .value{font-size:25px;font-weight:650;letter-spacing:-.02em;font-variant-numeric:tabular-nums}
.tile .range{color:var(--soft);font-size:12.5px;font-variant-numeric:tabular-nums}
.card{padding:20px 24px;margin-bottom:18px}
.two{display:grid;grid-template-columns:repeat(auto-fit,minmax(min(420px,100%),1fr));gap:28px}
.scroll{overflow-x:auto}
table{border-collapse:collapse;width:100%;font-size:14px;font-variant-numeric:tabular-nums}
th,td{text-align:right;padding:7px 10px;border-bottom:1px solid var(--line);white-space:nowrap}
th{color:var(--soft);font-weight:600;font-size:12.5px}
th:first-child,td:first-child{text-align:left;padding-left:0}
.board th:nth-child(2),.board td:nth-child(2){text-align:left;color:var(--soft)}
tr:last-child td{border-bottom:0}
tr.self td{background:var(--accent-soft)}
tr.self td:first-child{padding-left:8px;border-radius:8px 0 0 8px;font-weight:600}
tr.self td:last-child{border-radius:0 8px 8px 0}
td.best{color:var(--good);font-weight:650}
td small{color:var(--soft);display:block;font-size:11.5px}
.up{color:var(--good)}.down{color:var(--bad)}
.chart,.strip{width:100%;height:auto;display:block}
.strip{height:56px;margin:4px 0 2px}
.strip .used{fill:var(--accent)}.strip .dead{fill:var(--bad)}
.grid{stroke:var(--line)}
.tick,.axis{fill:var(--soft);font-size:11.5px}
.line{fill:none;stroke-width:2;stroke-linejoin:round}
.line.c1{stroke:var(--c1)}.line.c2{stroke:var(--c2)}.line.c3{stroke:var(--c3)}.line.c4{stroke:var(--c4)}.line.c5{stroke:var(--c5)}
.line.c6{stroke:var(--c6)}
.dot.c1{fill:var(--c1)}.dot.c2{fill:var(--c2)}.dot.c3{fill:var(--c3)}.dot.c4{fill:var(--c4)}.dot.c5{fill:var(--c5)}.dot.c6{fill:var(--c6)}
.legend{display:flex;flex-wrap:wrap;gap:14px;font-size:13px;color:var(--soft);margin:4px 0}
.key::before{content:"";display:inline-block;width:14px;height:3px;border-radius:2px;margin-right:6px;vertical-align:middle;background:currentColor}
.key.c1::before{background:var(--c1)}.key.c2::before{background:var(--c2)}.key.c3::before{background:var(--c3)}
.key.c4::before{background:var(--c4)}.key.c5::before{background:var(--c5)}.key.c6::before{background:var(--c6)}
.bars{display:grid;grid-template-columns:max-content 1fr max-content;gap:8px 14px;align-items:center;font-size:13.5px}
.bar-label small{color:var(--soft);margin-left:8px}
.bar-track{position:relative;overflow:hidden;height:16px;background:var(--bg);border-radius:5px}
.bar-fill{position:absolute;inset:0 auto 0 0;background:var(--accent);border-radius:5px;min-width:1px}
.bar-interval{position:absolute;top:7px;height:2px;background:var(--ink);opacity:.55}
.bar-value{font-variant-numeric:tabular-nums;text-align:right}
.user{border-top:1px solid var(--line);padding-top:14px;margin-top:16px}
.user:first-of-type{border-top:0;margin-top:6px;padding-top:0}
.user ol{margin:4px 0 8px;padding-left:24px;font-size:13.5px}
.user li{padding:2px 6px;border-radius:6px;overflow-wrap:anywhere}
.user li small{color:var(--soft)}
li.hit{background:var(--good-soft);font-weight:600}
.badge{display:inline-block;border-radius:999px;padding:0 9px;font-size:12px;font-weight:600;margin-left:6px}
.badge.hit{background:var(--good-soft);color:var(--good)}
.badge.miss{background:var(--bg);color:var(--soft)}
details summary{cursor:pointer;font-weight:600}
pre{overflow-x:auto;background:var(--bg);border-radius:10px;padding:14px;font:12.5px/1.5 ui-monospace,SFMono-Regular,Menlo,monospace}
footer{color:var(--soft);font-size:13px;margin-top:26px}
)css";

}  // namespace tessera::html
