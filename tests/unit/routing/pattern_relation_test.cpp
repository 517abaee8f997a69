#include "routing/pattern_relation.hpp"

#include <catch2/catch.hpp>

using roost::routing::relate;
using roost::routing::Relation;

TEST_CASE("PatternRelation.SaysWhetherAMiddlewareGoesWithARoute") {
  struct Case {
    const char *outer, *inner;
    Relation want;
  };
  const Case cases[] = {
      {"/*", "/", Relation::covers},
      {"/*", "/a/:b/*c", Relation::covers},
      {"/api/*", "/api", Relation::covers},
      {"/api/*", "/api/", Relation::covers},
      {"/api/*", "/api/:x/y", Relation::covers},
      {"/api/*", "/apis", Relation::disjoint},
      {"/api/*", "/*", Relation::overlaps},
      {"/api/*", "/:any", Relation::overlaps},
      {"/api/*", "/:any/x", Relation::overlaps},
      {"/api/x", "/api/*rest", Relation::overlaps},
      {"/api", "/api/*", Relation::overlaps},
      {"/api", "/api/", Relation::disjoint},
      {"/:a", "/x", Relation::covers},
      {"/:a", "/:b", Relation::covers},
      {"/:a", "/", Relation::disjoint},
      {"/", "/:a", Relation::disjoint},
      {"/a/:b", "/:a/b", Relation::overlaps},
      {"/a/b/:c", "/:x/c/d", Relation::disjoint},
      {"/a%62", "/ab", Relation::covers},
      {"/a/b", "/a", Relation::disjoint},
  };
  for (const Case& c : cases) {
    INFO(c.outer << " and " << c.inner);
    CHECK(relate(c.outer, c.inner) == c.want);
  }
}
