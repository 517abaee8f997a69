/* The boundary between the Roost server and its plugins, in plain C11.
 *
 * Everything that crosses a `.so` boundary is declared here and nowhere else: no C++ type, no exception and
 * no memory ownership crosses it other than as stated. Plugin authors use the C++ wrapper <roost/plugin.hpp>;
 * plugins in other languages use this file.
 *
 * Compatibility. Every struct that may grow begins with `struct_size`, set by whoever fills it in; fields are
 * only ever appended, so a reader asks ROOST_HAS(p, field) before it reads a field younger than 1.0. The major
 * version changes when something below is altered or removed: the server refuses a plugin of another major
 * version. The minor version counts additions.
 *
 * Strings are borrowed (pointer and size, not NUL-terminated) and live as long as the call unless stated.
 * Functions never throw. A `roost_status` is ROOST_OK (0) or a negative code.
 *
 * Threads. Each function states who may call it. "I/O thread" is the thread that owns the request's
 * connection; "any thread" includes it.
 */
#ifndef ROOST_ABI_H
#define ROOST_ABI_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define ROOST_ABI_MAJOR 1u
#define ROOST_ABI_MINOR 1u
#define ROOST_ABI_VERSION ((ROOST_ABI_MAJOR << 16) | ROOST_ABI_MINOR)

/* True when the struct that p points to was filled in by a side that knows `field`. */
#define ROOST_HAS(p, field) ((p)->struct_size >= offsetof(__typeof__(*(p)), field) + sizeof((p)->field))

typedef struct roost_str {
  const char* data;
  size_t size;
} roost_str;

/* A field line of a message, or a name and value of path or query. */
typedef struct roost_field {
  roost_str name;
  roost_str value;
} roost_field;

typedef enum roost_status {
  ROOST_OK = 0,
  ROOST_ERROR = -1,       /* failed; where a roost_error is passed it says why */
  ROOST_GONE = -2,        /* the client, connection or receiver is no longer there */
  ROOST_WOULD_BLOCK = -3, /* accepted, but wait for "writable" before sending more */
  ROOST_TOO_LATE = -4,    /* the request was already answered, or its head has left */
  ROOST_UNSUPPORTED = -5, /* the host has no such capability, see roost_host.capabilities */
  ROOST_INVALID = -6      /* an argument breaks the contract: bad header name, unknown enum value, ... */
} roost_status;

/* Filled in by the callee on failure. message: NUL-terminated, truncated to fit. */
typedef struct roost_error {
  uint32_t struct_size;
  char message[4096];
} roost_error;

/* ---------------------------------------------------------------------------------------------- requests */

typedef struct roost_responder roost_responder; /* one request's answer; see roost_host */
typedef struct roost_websocket roost_websocket; /* one WebSocket connection; reference counted */
typedef struct roost_worker roost_worker;       /* the worker process that handlers run in */

/* roost_request.flags */
#define ROOST_REQUEST_SECURE 1u  /* the client's scheme is https, by TLS or as a trusted proxy says */
#define ROOST_REQUEST_UPGRADE 2u /* a valid WebSocket handshake */
#define ROOST_REQUEST_KEEP_ALIVE 4u
#define ROOST_REQUEST_STREAMED 8u /* it has a body, which its handler streams: middleware sees none */

/* A request as handlers see it. Plain views: valid until the responder has been completed, and for handlers
 * with ROOST_HANDLER_IMMEDIATE until the handler returns. Immutable, so readable from any thread. */
typedef struct roost_request {
  uint32_t struct_size;
  uint32_t flags;
  uint16_t version;           /* 0x0100, 0x0101; 0x0200 for HTTP/2 */
  uint16_t thread;            /* index of the I/O thread, 0 .. roost_worker_info.threads - 1 */
  uint32_t route;             /* the number that add_route() returned, or of the YAML route */
  roost_str method;           /* as sent, case-sensitive (RFC 9110 section 9.1) */
  roost_str target;           /* as sent */
  roost_str path;             /* as sent, without the query; begins with '/' ("*" for OPTIONS *) */
  roost_str query;            /* as sent, without '?'; data is NULL when there is no '?' */
  roost_str authority;        /* of the target, else Host, as sent; empty when there is none */
  const roost_field* headers; /* in order of arrival, names as sent */
  size_t header_count;
  const roost_field* params; /* path parameters, percent-decoded once, in order of the pattern */
  size_t param_count;
  roost_str body; /* whole body; empty for ROOST_HANDLER_STREAM_BODY */
  const roost_field* trailers;
  size_t trailer_count;
  int body_file; /* a descriptor open for reading when the body was spilled to a file (body is then
                    empty), else -1. Borrowed: closed by the server. */
  uint64_t body_size;
  void* user; /* of the route: roost_route.user */
} roost_request;

/* What text() computes on request. Each is computed once and then kept with the request. */
typedef enum roost_text {
  ROOST_TEXT_REQUEST_ID = 0,  /* unique for this host; in the access log and in error lines */
  ROOST_TEXT_CLIENT_IP = 1,   /* the client, behind trusted proxies the one they name; empty for unix sockets */
  ROOST_TEXT_PEER = 2,        /* address and port of the connection itself */
  ROOST_TEXT_SCHEME = 3,      /* "http" or "https", as the client used */
  ROOST_TEXT_HOST = 4,        /* host and port as the client used */
  ROOST_TEXT_DECODED_PATH = 5 /* path, percent-decoded once; "%2F" is decoded too: never route by it */
} roost_text;

/* ---------------------------------------------------------------------------------------------- forms */

/* A file of a form. Views as long as the request's. */
typedef struct roost_form_file {
  uint32_t struct_size;
  int file;       /* the content is `size` bytes of this descriptor from file_offset on: use pread(), others read it,
                     too. Closed by the server. -1: it is in content */
  roost_str name; /* of the form's field */
  roost_str filename;     /* as the client says: never a path to write to */
  roost_str content_type; /* as the client says; empty: it does not */
  roost_str content;
  uint64_t file_offset;
  uint64_t size;
} roost_form_file;

/* What a request's body, multipart/form-data or urlencoded, holds; many of one name are in order of arrival. Views as
 * long as the request's. Text is UTF-8 as far as the client keeps to it. */
typedef struct roost_form {
  uint32_t struct_size;
  uint32_t status; /* 0; else what to answer: 400 malformed, 413 past a limit, 415 the body is no form, 500 the handler
                      streams its body or it cannot be read. There are neither fields nor files then. */
  roost_str why;   /* for people */
  const roost_field* fields;
  size_t field_count;
  const roost_form_file* const* files;
  size_t file_count;
} roost_form;

/* A field or file of a streamed form that begins. Views for the call. */
typedef struct roost_form_part {
  uint32_t struct_size;
  uint32_t is_file;
  roost_str name;
  roost_str filename;     /* as the client says: never a path to write to */
  roost_str content_type; /* as the client says; empty: it does not */
} roost_form_part;

/* What a form's parser tells, in order: on_part, on_data any number of times, on_part_end. In the call that feeds it.
 */
typedef struct roost_form_callbacks {
  uint32_t struct_size;
  void (*on_part)(void* arg, const roost_form_part* part);
  void (*on_data)(void* arg, roost_str bytes); /* valid for the call */
  void (*on_part_end)(void* arg);
} roost_form_callbacks;

typedef struct roost_form_parser roost_form_parser;

/* ---------------------------------------------------------------------------------------------- responses */

/* roost_response.flags */
#define ROOST_RESPONSE_FILE 1u  /* the body is `file_size` bytes of `file` from `file_offset` */
#define ROOST_RESPONSE_CLOSE 2u /* close the connection after this response */

/* A whole response, or for start() its head. The server adds Content-Length or Transfer-Encoding, Date and
 * Connection; those given here are ignored (Content-Length is kept in answer to HEAD, and is what frames a stream that
 * start() begins with it). Header names must be tokens, values free of CR, LF and NUL: ROOST_INVALID otherwise, and
 * nothing is sent. */
typedef struct roost_response {
  uint32_t struct_size;
  uint16_t status; /* 200 .. 599 */
  uint16_t flags;
  const roost_field* headers;
  size_t header_count;
  roost_str body;
  void (*release)(void* release_arg); /* when set, body stays valid until this is called, from any thread, exactly
                                         once, also on failure; NULL: body is copied if it has to outlive the call */
  void* release_arg;
  int file; /* taken over by the server, which closes it, also on failure */
  uint64_t file_offset;
  uint64_t file_size;
} roost_response;

/* The head of a response on its way out, as middleware sees it. */
typedef struct roost_response_head roost_response_head;

/* How a streamed request body arrives. Called on the I/O thread, one at a time. */
typedef struct roost_body_callbacks {
  uint32_t struct_size;
  /* Bytes, valid for the call. */
  void (*on_data)(void* arg, const char* data, size_t size);
  /* The body is complete. trailers are valid for the call. The last callback. */
  void (*on_end)(void* arg, const roost_field* trailers, size_t trailer_count);
  /* The body will never be complete: status is 400, 408, 413 or 499 (the client went away). The last callback. */
  void (*on_error)(void* arg, int status, roost_str why);
} roost_body_callbacks;

/* ---------------------------------------------------------------------------------------------- websockets */

typedef enum roost_ws_kind { ROOST_WS_TEXT = 1, ROOST_WS_BINARY = 2 } roost_ws_kind;

/* Callbacks of one connection run one at a time and in order. on_open, on_message and on_writable run on its I/O
 * thread; a receiver that hands messages to another thread keeps their order itself. */
typedef struct roost_ws_callbacks {
  uint32_t struct_size;
  void (*on_open)(void* arg, roost_websocket* socket);
  /* A whole message; text is valid UTF-8. data is valid for the call. */
  void (*on_message)(void* arg, roost_websocket* socket, roost_ws_kind kind, const char* data, size_t size);
  /* The send buffer fell below half of its limit after a send answered ROOST_WOULD_BLOCK. */
  void (*on_writable)(void* arg, roost_websocket* socket);
  /* The connection ended: the peer's close code, 1005 when it gave none, 1006 when it vanished. The last callback;
   * arg may be freed in it. Called exactly once for each accepted connection. */
  void (*on_close)(void* arg, roost_websocket* socket, uint16_t code, roost_str reason);
} roost_ws_callbacks;

typedef struct roost_ws_accept {
  uint32_t struct_size;
  const roost_ws_callbacks* callbacks; /* must outlive the connection */
  void* arg;
  roost_str protocol;         /* one that the client offered, or empty */
  const roost_field* headers; /* added to the 101 response */
  size_t header_count;
  roost_str group; /* the set of connections that broadcast and ws_list address; conventionally the
                      mount and pattern. Empty: the route's own. */
} roost_ws_accept;

/* ---------------------------------------------------------------------------------------------- handlers */

/* Handles one request. It answers through the responder, now or later, from any thread, exactly once. Returns
 * ROOST_OK, or ROOST_ERROR after fail(): the server then answers 500 if nothing was answered. Never throws. */
typedef roost_status (*roost_handle_fn)(void* self, const roost_request* request, roost_responder* responder);

/* roost_handler.flags. A handler without any is asynchronous: called on the I/O thread, may answer later. */
#define ROOST_HANDLER_IMMEDIATE 1u   /* always answers before it returns: the request is not copied for it */
#define ROOST_HANDLER_BLOCKING 2u    /* is called on a thread of the worker's pool and may block */
#define ROOST_HANDLER_STREAM_BODY 4u /* is called when the head has arrived, and reads the body with read_body() */
#define ROOST_HANDLER_WEBSOCKET 8u   /* is called for valid WebSocket handshakes alone; others are answered 426 */

typedef struct roost_handler {
  uint32_t struct_size;
  uint32_t flags;
  roost_str name;
  roost_handle_fn handle;
  void* self;
} roost_handler;

/* What before() decided. */
typedef enum roost_decision {
  ROOST_CONTINUE = 0, /* go on to the next middleware and the handler */
  ROOST_RESPOND = 1,  /* it answered through the responder: the chain ends */
  ROOST_LATER = 2     /* it will call resume() or answer through the responder, from any thread */
} roost_decision;

typedef struct roost_middleware {
  uint32_t struct_size;
  uint32_t flags; /* ROOST_HANDLER_IMMEDIATE: before() never answers ROOST_LATER */
  roost_str name;
  /* Before the handler, on the I/O thread. May be NULL. *context is handed to after(), also when before() ended
   * the chain itself; outer middleware's after() runs in any case. */
  roost_decision (*before)(void* self, const roost_request* request, roost_responder* responder, void** context);
  /* When the head of the response is about to leave, on the thread that answered. May be NULL. */
  void (*after)(void* self, const roost_request* request, roost_response_head* head, void* context);
  /* The request is over, answered or not: frees context. May be NULL. Any thread. */
  void (*finish)(void* self, void* context);
  void* self;
} roost_middleware;

/* ---------------------------------------------------------------------------------------------- configuration */

typedef enum roost_value_kind {
  ROOST_VALUE_NULL = 0,
  ROOST_VALUE_SCALAR = 1,
  ROOST_VALUE_LIST = 2,
  ROOST_VALUE_MAP = 3
} roost_value_kind;

/* A node of the YAML that a plugin is configured with, variables replaced. Lives as long as the process. */
typedef struct roost_value {
  uint32_t struct_size;
  uint32_t kind;                          /* roost_value_kind */
  roost_str key;                          /* name in the enclosing map, else empty */
  roost_str text;                         /* of a scalar */
  const struct roost_value* const* items; /* of a list or map, in order */
  size_t item_count;
  roost_str file;
  uint32_t line;   /* from 1 */
  uint32_t column; /* from 1 */
  uint32_t quoted; /* a scalar written in quotes: a string even where it looks like a number */
} roost_value;

/* ---------------------------------------------------------------------------------------------- registration */

/* A mount of a scheme that the plugin claimed: `python: notes:app` on path `/x`. */
typedef struct roost_mount {
  uint32_t struct_size;
  roost_str scheme;           /* "python" */
  roost_str value;            /* "notes:app" */
  roost_str host;             /* empty: any */
  roost_str path;             /* as written: "/x" */
  const roost_value* options; /* the whole route's map, for its other keys and for places in messages */
  roost_str methods;          /* space-separated, empty when the route names none */
} roost_mount;

typedef struct roost_sink roost_sink; /* collects what a mount contributes; valid during the call */
struct roost_mount_sink;

/* roost_route.flags, beside ROOST_HANDLER_* */
#define ROOST_ROUTE_SLASH 256u /* takes its path with a final slash more, too, where no other route does */
#define ROOST_ROUTE_FALLBACK                                                                  \
  512u /* takes what its pattern matches and no other route answers: in place of 404, 405 and \
          an answer to OPTIONS. Where others take the path, but not the method, their methods \
          are in a parameter `allow`. Of several for one pattern the first counts. */

typedef struct roost_route {
  uint32_t struct_size;
  uint32_t flags;    /* ROOST_HANDLER_*, ROOST_ROUTE_* */
  roost_str methods; /* space-separated; empty: every method reaches the handler. HEAD is added to GET. */
  roost_str pattern; /* below the mount's path: "/users/:id"; "" or "/" is the mount itself */
  roost_str name;    /* for `roost routes` and the log: "notes:app list_notes" */
  roost_handle_fn handle;
  void* self;
  void* user; /* given back in roost_request.user */
} roost_route;

typedef struct roost_directory {
  uint32_t struct_size;
  uint32_t listing;    /* show a listing where there is no index */
  roost_str path;      /* below the mount */
  roost_str directory; /* absolute, or relative to the configuration file */
  roost_str index;     /* "index.html"; empty: none */
  roost_str fallback;  /* served for what is not there, as single-page applications want; empty: none */
  roost_str cache_control;
  /* Fields that every response of the directory has one more of, those that it is given where it has none of that name,
   * and patterns of paths below the mount whose responses get neither. */
  const roost_field* headers;
  size_t header_count;
  const roost_field* default_headers;
  size_t default_header_count;
  const roost_str* excluded;
  size_t excluded_count;
} roost_directory;

/* What a plugin offers. Filled in by the server; valid until configure() returns, but `sink` functions during mount()
 * alone. Copies what it is given, except `self` and function pointers. */
typedef struct roost_registry {
  uint32_t struct_size;
  void* impl;
  roost_status (*add_handler)(void* impl, const roost_handler* handler);
  roost_status (*add_middleware)(void* impl, const roost_middleware* middleware);
  /* Claims a mount scheme. mount() contributes the routes; middleware() makes one of a `scheme: value` in the
   * middleware list (may be NULL). Both run in the prototype, before any thread exists. */
  roost_status (*add_scheme)(void* impl, roost_str scheme, void* self,
                             roost_status (*mount)(void* self, const roost_mount* mount,
                                                   const struct roost_mount_sink* sink, roost_error* error),
                             roost_status (*middleware)(void* self, roost_str value, const roost_value* where,
                                                        roost_middleware* out, roost_error* error));
  /* Start and stop in each worker. start runs on the worker's main thread before it takes connections, stop after
   * the last one ended; both may block. A start that fails keeps the worker from becoming ready. prepare_fork and
   * after_fork (may be NULL) surround each fork of a worker, in the prototype and, child != 0, in the child. */
  roost_status (*add_worker_hooks)(void* impl, void* self,
                                   roost_status (*start)(void* self, roost_worker* worker, roost_error* error),
                                   void (*stop)(void* self, roost_worker* worker), void (*prepare_fork)(void* self),
                                   void (*after_fork)(void* self, int child));
  /* Called on each I/O thread after it has dispatched what one wake-up brought, if a handler of this plugin was
   * called in it. For handing requests to another thread in batches. */
  roost_status (*add_batch_end)(void* impl, void* self, void (*batch_end)(void* self, uint32_t thread));
} roost_registry;

typedef struct roost_mount_sink {
  uint32_t struct_size;
  roost_sink* impl;
  /* The route's number, which roost_request.route carries, or a negative status. */
  int64_t (*add_route)(roost_sink* impl, const roost_route* route, roost_error* error);
  roost_status (*add_directory)(roost_sink* impl, const roost_directory* directory, roost_error* error);
} roost_mount_sink;

/* ---------------------------------------------------------------------------------------------- the host */

typedef enum roost_log_level {
  ROOST_LOG_DEBUG = 0,
  ROOST_LOG_INFO = 1,
  ROOST_LOG_WARNING = 2,
  ROOST_LOG_ERROR = 3
} roost_log_level;

/* roost_host.capabilities */
#define ROOST_CAN_STREAM (1ull << 0)
#define ROOST_CAN_READ_BODY (1ull << 1)
#define ROOST_CAN_WEBSOCKET (1ull << 2)
#define ROOST_CAN_TOPICS (1ull << 3)
#define ROOST_CAN_METRICS (1ull << 4)
#define ROOST_CAN_FILTER_BODY (1ull << 5)
#define ROOST_CAN_READ_FORM (1ull << 6)
#define ROOST_CAN_SEND_FILES (1ull << 7)

typedef struct roost_worker_info {
  uint32_t struct_size;
  uint32_t index; /* of the worker's slot, 0 .. processes - 1 */
  uint32_t processes;
  uint32_t threads;    /* I/O threads in this worker */
  uint32_t generation; /* counts reloads */
  uint32_t development;
  uint32_t drain_ms; /* what a stop hook may take: timeouts.drain, or what is left of it once the worker drains */
} roost_worker_info;

/* The server's functions. Lives as long as the process. */
typedef struct roost_host {
  uint32_t struct_size;
  uint32_t abi_version;
  uint64_t capabilities;
  roost_str server_version; /* "1.0.0" */

  /* Logs a line in the server's log. Any thread; never blocks. */
  void (*log)(roost_log_level level, roost_str source, roost_str message);
  int (*log_enabled)(roost_log_level level);

  /* First header of that name, case-insensitive; data is NULL when there is none. Any thread. */
  roost_str (*header)(const roost_request* request, roost_str name);
  /* See roost_text. One thread at a time for one request. */
  roost_str (*text)(const roost_request* request, roost_text which);

  /* Answers whole. Any thread. Consumes the responder whatever it returns (ROOST_GONE; ROOST_TOO_LATE when the server
   * answered in its place), but for ROOST_INVALID, which leaves it as it was. So does ws_accept(). */
  roost_status (*respond)(roost_responder* responder, const roost_response* response);
  /* Answers 500 (or closes, when the head has left) and logs `why` with the request's id. Consumes. Any thread. */
  void (*fail)(roost_responder* responder, roost_str why);
  /* Gives up: answers 500 if nothing was answered, closes the connection if something was. Consumes. */
  void (*drop)(roost_responder* responder);

  /* Streaming: start() sends the head (response.body, if any, is the first chunk), write() body bytes (copied),
   * finish() ends it (trailers may be NULL) and consumes, drop() cuts it. write() answers ROOST_WOULD_BLOCK when the
   * bytes were taken but the buffer is past its limit: wait for the writable callback. With a Content-Length in the
   * head, write() beyond it and finish() short of it answer ROOST_INVALID and do nothing. Any thread, one at a time. */
  roost_status (*start)(roost_responder* responder, const roost_response* head);
  roost_status (*write)(roost_responder* responder, roost_str bytes);
  roost_status (*finish)(roost_responder* responder, const roost_field* trailers, size_t trailer_count);
  /* Called on the I/O thread each time the buffer empties after ROOST_WOULD_BLOCK. */
  roost_status (*on_writable)(roost_responder* responder, void (*callback)(void* arg), void* arg);

  /* Called once on the I/O thread when the client has gone or the handler's time is up, while the responder is not yet
   * consumed. If that has happened already it is called before this returns. The responder must still be consumed. */
  roost_status (*on_cancel)(roost_responder* responder, void (*callback)(void* arg), void* arg);
  int (*cancelled)(const roost_responder* responder);

  /* Reads a streamed body, for handlers with ROOST_HANDLER_STREAM_BODY. Callbacks begin after this returns. */
  roost_status (*read_body)(roost_responder* responder, const roost_body_callbacks* callbacks, void* arg);
  /* Flow control: while paused nothing is read from the client beyond one buffer. Any thread. */
  void (*pause_body)(roost_responder* responder);
  void (*resume_body)(roost_responder* responder);

  /* Middleware that said ROOST_LATER lets the chain go on. Consumes its hold on the responder. Any thread. */
  roost_status (*resume)(roost_responder* responder);

  /* Response heads in after(). set replaces all of that name, add appends; remove is set with data NULL. */
  uint16_t (*head_status)(const roost_response_head* head);
  roost_status (*head_set_status)(roost_response_head* head, uint16_t status);
  roost_str (*head_get)(const roost_response_head* head, roost_str name);
  roost_status (*head_set)(roost_response_head* head, roost_str name, roost_str value);
  roost_status (*head_add)(roost_response_head* head, roost_str name, roost_str value);

  /* Accepts the handshake and consumes the responder. On the I/O thread on_open follows before this returns, from
   * another thread soon. *socket (may be NULL) holds one reference for the caller. Any thread. */
  roost_status (*ws_accept)(roost_responder* responder, const roost_ws_accept* accept, roost_websocket** socket);
  void (*ws_retain)(roost_websocket* socket);
  void (*ws_release)(roost_websocket* socket);
  /* Unique for this host; valid while a reference is held. */
  roost_str (*ws_id)(const roost_websocket* socket);
  /* Sends one message, copied. ROOST_WOULD_BLOCK: taken, but the buffer is past half of its limit. Past the limit the
   * connection is closed with 1013 and ROOST_GONE answered, or (slow_client: drop) unsent ones go. Any thread. */
  roost_status (*ws_send)(roost_websocket* socket, roost_ws_kind kind, roost_str data);
  /* Begins the close handshake. code 1000, 1001, 1003, 1007 .. 1014 or 3000 .. 4999; reason at most 123 bytes. */
  roost_status (*ws_close)(roost_websocket* socket, uint16_t code, roost_str reason);
  size_t (*ws_buffered)(const roost_websocket* socket);

  /* Across all workers of the host. Any thread. ws_send_to: ROOST_GONE when this worker knows no such connection and
   * there is no other worker to ask. except (may be empty): an id that is left out. */
  roost_status (*ws_send_to)(roost_str id, roost_ws_kind kind, roost_str data);
  roost_status (*ws_broadcast)(roost_str group, roost_ws_kind kind, roost_str data, roost_str except);
  /* Calls each(arg, id) for every open connection of the group in all workers, before it returns. */
  roost_status (*ws_list)(roost_str group, void (*each)(void* arg, roost_str id), void* arg);
  roost_status (*ws_subscribe)(roost_websocket* socket, roost_str topic);
  roost_status (*ws_unsubscribe)(roost_websocket* socket, roost_str topic);
  roost_status (*ws_publish)(roost_str topic, roost_ws_kind kind, roost_str data, roost_str except);

  /* Runs fn(arg) on that I/O thread, soon. Any thread of a worker. */
  roost_status (*post)(roost_worker* worker, uint32_t thread, void (*fn)(void* arg), void* arg);
  /* Runs fn(arg) on the worker's pool. ROOST_WOULD_BLOCK when its queue is full: nothing was queued. */
  roost_status (*submit)(roost_worker* worker, void (*fn)(void* arg), void* arg);
  roost_status (*worker_info)(roost_worker* worker, roost_worker_info* info);
  /* Asks the master to drain and replace this worker, for a plugin that noticed that it cannot go on. */
  roost_status (*retire)(roost_worker* worker, roost_str why);

  /* Counters and gauges, shown by the admin page once it exists; ROOST_UNSUPPORTED until ROOST_CAN_METRICS. */
  roost_status (*metric_add)(roost_str name, roost_str labels, double value);

  /* Called once, on any thread, when the request is over and no other callback that was given with its responder
   * (on_writable, on_cancel, read_body) runs or will come: the place to free their arg, as on another thread one of
   * them may still run while the responder is consumed. Several may be given; all are called. */
  roost_status (*on_release)(roost_responder* responder, void (*callback)(void* arg), void* arg);

  /* Flow control of a WebSocket: while paused nothing is read from the client beyond one buffer, of which no message is
   * handed on. Neither counts; once the close handshake has begun neither does anything. Any thread. */
  void (*ws_pause)(roost_websocket* socket);
  void (*ws_resume)(roost_websocket* socket);

  /* The request's form, read from its body when first asked for; never NULL. Reads the file of a spilled body, so
   * blocks a little. Any thread. */
  const roost_form* (*form)(const roost_request* request);
  /* The file under a name of its own, which is removed when the request is over, unless it was moved: the content is
   * copied when this is first asked for. path: NUL-terminated, valid as long as the request's views. Any thread. */
  roost_status (*form_file_path)(const roost_request* request, const roost_form_file* file, roost_str* path,
                                 roost_error* error);

  /* Takes a form apart while it arrives, for handlers that stream their body: within the request's limits for forms.
   * NULL where the callbacks are not whole. callbacks must outlive it; the request need not. One thread at a time. */
  roost_form_parser* (*form_parser_new)(const roost_request* request, const roost_form_callbacks* callbacks, void* arg);
  /* The next piece of the body. 0, or what to answer (as roost_form.status) and why (static): then it is over. */
  uint32_t (*form_parser_feed)(roost_form_parser* parser, roost_str bytes, roost_str* why);
  /* The body is complete. As form_parser_feed(). */
  uint32_t (*form_parser_finish)(roost_form_parser* parser, roost_str* why);
  void (*form_parser_free)(roost_form_parser* parser);

  /* Answers with a regular file, whole or as the request's conditions and ranges ask (RFC 9110 sections 13 and 14),
   * large ones sent by the kernel. head: status and headers alone; ETag, Last-Modified, Accept-Ranges, and Content-Type
   * by the file's name, are added where they are missing. With a status other than 200 the file is sent whole. As
   * respond(), but ROOST_ERROR, with errno set, when there is no such file to read: then the responder is as it was. */
  roost_status (*respond_file)(roost_responder* responder, const roost_response* head, roost_str path);

  /* Has fn(arg) called once, on any thread, when the worker begins to drain, or before this returns when it does
   * already: the time to end what would go on for ever. fn must not block. */
  roost_status (*on_drain)(roost_worker* worker, void (*fn)(void* arg), void* arg);
} roost_host;

/* ---------------------------------------------------------------------------------------------- the plugin */

typedef struct roost_plugin {
  uint32_t struct_size;
  uint32_t abi_version; /* ROOST_ABI_VERSION of the plugin's build */
  roost_str name;
  roost_str version;
  roost_str compiler; /* for `roost plugin inspect` */
  /* Runs once in the prototype (and in `roost check`'s child): registers, starts no thread. config is the plugin's
   * `config:` node or a null value. *self is handed to destroy(). */
  roost_status (*configure)(const roost_host* host, const roost_registry* registry, const roost_value* config,
                            void** self, roost_error* error);
  void (*destroy)(void* self); /* may be NULL */
} roost_plugin;

/* The one symbol that a plugin exports. The result is static. */
#define ROOST_PLUGIN_SYMBOL "roost_plugin_v1"
typedef const roost_plugin* (*roost_plugin_fn)(void);

#ifdef __cplusplus
}
#endif
#endif /* ROOST_ABI_H */
