// The parts that reader.cpp puts together, one function for each top-level key. config/ only.
#pragma once

#include "config/node.hpp"
#include "config/value_tree.hpp"

namespace roost::config {

void read_server(Node node, const std::filesystem::path& directory, Server& server);
void read_redis(Node node, Redis& redis);
void read_python(Node node, const std::filesystem::path& directory, Python& python);
Plugin read_plugin(const std::string& name, Node node, ValueTree& values);
// Keeps what the node does not say.
void read_form_limits(Node node, FormLimits& limits);
Middleware read_middleware(Node node, ValueTree& values);
Route read_route(Node node, const Configuration& configuration, ValueTree& values);

}  // namespace roost::config
