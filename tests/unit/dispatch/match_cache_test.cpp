#include "dispatch/match_cache.hpp"

#include <catch2/catch.hpp>
#include <string>

namespace roost::dispatch {
namespace {

TEST_CASE("MatchCache.FindsExactlyWhatWasPut") {
  MatchCache cache;
  CHECK(cache.find("GET", "x", "/a") == MatchCache::kNone);
  cache.put("GET", "x", "/a", 7);
  CHECK(cache.find("GET", "x", "/a") == 7);
  CHECK(cache.find("GET", "y", "/a") == MatchCache::kNone);
  CHECK(cache.find("GET", "", "/a") == MatchCache::kNone);
  CHECK(cache.find("PUT", "x", "/a") == MatchCache::kNone);
  CHECK(cache.find("GET", "x", "/b") == MatchCache::kNone);
  CHECK(cache.find("GET", "x/", "a") == MatchCache::kNone);
}

TEST_CASE("MatchCache.LeavesOutWhatIsTooLong") {
  MatchCache cache;
  for (const size_t size : {100u, 111u, 112u, 113u, 200u, 300u}) {
    const std::string path(size, '/');
    cache.put("GET", "x", path, 3);
    CHECK(cache.find("GET", "x", path) == (size <= 112 ? 3 : MatchCache::kNone));
  }
}

}  // namespace
}  // namespace roost::dispatch
