#include "roost/embed.h"

#include <exception>
#include <iostream>

#include "base/version.hpp"
#include "process/lone_server.hpp"
#include "process/master.hpp"
#include "process/program.hpp"

int roost_embed_serve(const roost_embedding* embedding) {
  try {
    if (auto channel = roost::process::inherited_channel()) {
      roost::process::become_prototype(*embedding, std::move(*channel));
    }
    if ((embedding->flags & ROOST_EMBED_ALONE) != 0) return roost::process::serve_alone(*embedding);
    return roost::process::Master({.embedding = embedding}).run();
  } catch (const std::exception& error) {
    std::cerr << error.what() << std::endl;
    return 1;
  }
}

const char* roost_embed_version(void) {
  return roost::version();
}
