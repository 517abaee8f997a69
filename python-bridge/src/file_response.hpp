// A response that is a file: the server opens it, answers ranges and conditional requests, and sends it itself.
#pragma once

#include "answer.hpp"
#include "call.hpp"

namespace roost::bridge {

// Consumes the responder. answer: Kind::file. GIL held, any thread.
void send_file(const Target& target, roost_responder* responder, Answer& answer);

}  // namespace roost::bridge
