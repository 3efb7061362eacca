#include "lexical/lexical_index.h"

#include <gtest/gtest.h>
TEST(LexicalIndex, Smoke) {
  using namespace tessera;
  LexicalIndex index;
  Catalogue c;
  Item a; a.id="a"; a.title="Red nail polishes"; c.add(a);
  a.id="b"; a.title="Blue shoe"; a.description="goes with red"; c.add(a);
  index.apply(c, 5);
  auto r = index.search({.text="red"});
  EXPECT_EQ(r.found, 2);
  r = index.search({.text="polish red", .explain=true});
  EXPECT_EQ(r.found, 1);
  double sum=0;
  for (auto& w : r.hits.at(0).why) { printf("%s %s %g\n", w.term.c_str(), w.field.c_str(), w.weight); sum += w.weight; }
  printf("%g %g\n", sum, r.hits[0].score);
  r = index.search({.text="polshes"});
  EXPECT_EQ(r.found, 1);
  EXPECT_EQ(r.corrected_query, "polishes");
}
