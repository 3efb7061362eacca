#include "text/normalise.h"

#include <gtest/gtest.h>

#include "base/error.h"

namespace tessera {
namespace {

#if TESSERA_WITH_ICU

TEST(Normalise, CompatibilityFormAndCase) {
  EXPECT_EQ(normalise("Stra\u00dfe"), "strasse");
  EXPECT_EQ(normalise("\ufb01ne \uff21\uff42\uff11"), "fine ab1");
  EXPECT_EQ(normalise("\uff76\uff9e\u2460"), "\u30ac1");
  EXPECT_EQ(normalise("e\u0301"), "\u00e9");
  EXPECT_EQ(normalise("so\u00adft"), "soft");
  EXPECT_EQ(normalise(""), "");
}

TEST(Normalise, CaseCanStay) {
  const NormaliseOptions keep{.fold_case = false};
  EXPECT_EQ(normalise("\uff21bC e\u0301", keep), "AbC \u00e9");
}

TEST(Normalise, AccentsOfLatinAndGreekOnly) {
  const NormaliseOptions strip{.strip_accents = true};
  EXPECT_EQ(normalise("Cr\u00e8me br\u00fbl\u00e9e \u0141\u00f3d\u017a \u03ac\u03bb\u03c6\u03b1", strip),
            "creme brulee \u0142odz \u03b1\u03bb\u03c6\u03b1");
  EXPECT_EQ(normalise("\u30ac \u0439 \u0939\u093f\u0928\u094d\u0926\u0940 \uac01", strip),
            "\u30ac \u0439 \u0939\u093f\u0928\u094d\u0926\u0940 \uac01");
}

TEST(Normalise, IsStable) {
  for (const std::string text :
       {"\u0130stanbul \ufb03 \u1e9e\u0345", "\u03a3\u03c2 \u01c5 \u212b", "\ud55c\uad6d\uc5b4"}) {
    const std::string once = normalise(text);
    EXPECT_EQ(normalise(once), once);
  }
}

TEST(Normalise, InvalidBytesAreReplaced) {
  EXPECT_EQ(normalise("a\xff"
                      "b"),
            "a\ufffd"
            "b");
  EXPECT_EQ(normalise("\xc3"), "\ufffd");
  EXPECT_EQ(normalise(std::string_view("a\0B", 3)), std::string("a\0b", 3));
}

#else

TEST(Normalise, WithoutIcuFoldsAscii) {
  EXPECT_EQ(normalise("Brush \xff"), "brush \uFFFD");
}

#endif

}  // namespace
}  // namespace tessera
