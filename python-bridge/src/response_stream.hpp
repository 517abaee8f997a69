// A response whose body an iterator makes: str or bytes, sent as they come. A plain iterator runs in the pool, an
// asynchronous one on the loop; neither is advanced while the client does not read. However it ends - exhausted,
// raised, client gone - the iterator is closed, so that its finally blocks run; then the background task, if any,
// begins.
#pragma once

#include "answer.hpp"
#include "call.hpp"

namespace roost::bridge {

bool ready_response_stream(PyObject* module);

// Consumes the responder. answer: Kind::stream, of which the head is sent at once. request: the Request, held until the
// end, as the iterator may look at it. context: the contextvars of the handler; nullptr: none. GIL held, any thread.
void send_stream(const Target& target, const roost_request* raw, roost_responder* responder, Ref request, Ref context,
                 const Answer& answer);

}  // namespace roost::bridge
