/* The layout of version 1.0 of the plugin interface, frozen: a change here breaks every plugin that is out there. What is
 * appended later stands in the file of its own version; a line that stands is never changed. On the platforms with 64-bit
 * pointers. */
#include "layout.h"

_Static_assert(sizeof(void*) == 8, "the frozen numbers are for 64-bit pointers");
_Static_assert(sizeof(roost_str) == 16 && sizeof(roost_field) == 32, "views are part of every array");

SIZE_AT_LEAST(roost_str, 16);
OFFSET(roost_str, data, 0);
OFFSET(roost_str, size, 8);

SIZE_AT_LEAST(roost_field, 32);
OFFSET(roost_field, name, 0);
OFFSET(roost_field, value, 16);

SIZE_AT_LEAST(roost_error, 4100);
OFFSET(roost_error, struct_size, 0);
OFFSET(roost_error, message, 4);

SIZE_AT_LEAST(roost_request, 184);
OFFSET(roost_request, struct_size, 0);
OFFSET(roost_request, flags, 4);
OFFSET(roost_request, version, 8);
OFFSET(roost_request, thread, 10);
OFFSET(roost_request, route, 12);
OFFSET(roost_request, method, 16);
OFFSET(roost_request, target, 32);
OFFSET(roost_request, path, 48);
OFFSET(roost_request, query, 64);
OFFSET(roost_request, authority, 80);
OFFSET(roost_request, headers, 96);
OFFSET(roost_request, header_count, 104);
OFFSET(roost_request, params, 112);
OFFSET(roost_request, param_count, 120);
OFFSET(roost_request, body, 128);
OFFSET(roost_request, trailers, 144);
OFFSET(roost_request, trailer_count, 152);
OFFSET(roost_request, body_file, 160);
OFFSET(roost_request, body_size, 168);
OFFSET(roost_request, user, 176);

SIZE_AT_LEAST(roost_response, 80);
OFFSET(roost_response, struct_size, 0);
OFFSET(roost_response, status, 4);
OFFSET(roost_response, flags, 6);
OFFSET(roost_response, headers, 8);
OFFSET(roost_response, header_count, 16);
OFFSET(roost_response, body, 24);
OFFSET(roost_response, release, 40);
OFFSET(roost_response, release_arg, 48);
OFFSET(roost_response, file, 56);
OFFSET(roost_response, file_offset, 64);
OFFSET(roost_response, file_size, 72);

SIZE_AT_LEAST(roost_body_callbacks, 32);
OFFSET(roost_body_callbacks, struct_size, 0);
OFFSET(roost_body_callbacks, on_data, 8);
OFFSET(roost_body_callbacks, on_end, 16);
OFFSET(roost_body_callbacks, on_error, 24);

SIZE_AT_LEAST(roost_ws_callbacks, 40);
OFFSET(roost_ws_callbacks, struct_size, 0);
OFFSET(roost_ws_callbacks, on_open, 8);
OFFSET(roost_ws_callbacks, on_message, 16);
OFFSET(roost_ws_callbacks, on_writable, 24);
OFFSET(roost_ws_callbacks, on_close, 32);

SIZE_AT_LEAST(roost_ws_accept, 72);
OFFSET(roost_ws_accept, struct_size, 0);
OFFSET(roost_ws_accept, callbacks, 8);
OFFSET(roost_ws_accept, arg, 16);
OFFSET(roost_ws_accept, protocol, 24);
OFFSET(roost_ws_accept, headers, 40);
OFFSET(roost_ws_accept, header_count, 48);
OFFSET(roost_ws_accept, group, 56);

SIZE_AT_LEAST(roost_handler, 40);
OFFSET(roost_handler, struct_size, 0);
OFFSET(roost_handler, flags, 4);
OFFSET(roost_handler, name, 8);
OFFSET(roost_handler, handle, 24);
OFFSET(roost_handler, self, 32);

SIZE_AT_LEAST(roost_middleware, 56);
OFFSET(roost_middleware, struct_size, 0);
OFFSET(roost_middleware, flags, 4);
OFFSET(roost_middleware, name, 8);
OFFSET(roost_middleware, before, 24);
OFFSET(roost_middleware, after, 32);
OFFSET(roost_middleware, finish, 40);
OFFSET(roost_middleware, self, 48);

SIZE_AT_LEAST(roost_value, 88);
OFFSET(roost_value, struct_size, 0);
OFFSET(roost_value, kind, 4);
OFFSET(roost_value, key, 8);
OFFSET(roost_value, text, 24);
OFFSET(roost_value, items, 40);
OFFSET(roost_value, item_count, 48);
OFFSET(roost_value, file, 56);
OFFSET(roost_value, line, 72);
OFFSET(roost_value, column, 76);
OFFSET(roost_value, quoted, 80);

SIZE_AT_LEAST(roost_mount, 96);
OFFSET(roost_mount, struct_size, 0);
OFFSET(roost_mount, scheme, 8);
OFFSET(roost_mount, value, 24);
OFFSET(roost_mount, host, 40);
OFFSET(roost_mount, path, 56);
OFFSET(roost_mount, options, 72);
OFFSET(roost_mount, methods, 80);

SIZE_AT_LEAST(roost_route, 80);
OFFSET(roost_route, struct_size, 0);
OFFSET(roost_route, flags, 4);
OFFSET(roost_route, methods, 8);
OFFSET(roost_route, pattern, 24);
OFFSET(roost_route, name, 40);
OFFSET(roost_route, handle, 56);
OFFSET(roost_route, self, 64);
OFFSET(roost_route, user, 72);

SIZE_AT_LEAST(roost_directory, 88);
OFFSET(roost_directory, struct_size, 0);
OFFSET(roost_directory, listing, 4);
OFFSET(roost_directory, path, 8);
OFFSET(roost_directory, directory, 24);
OFFSET(roost_directory, index, 40);
OFFSET(roost_directory, fallback, 56);
OFFSET(roost_directory, cache_control, 72);

SIZE_AT_LEAST(roost_registry, 56);
OFFSET(roost_registry, struct_size, 0);
OFFSET(roost_registry, impl, 8);
OFFSET(roost_registry, add_handler, 16);
OFFSET(roost_registry, add_middleware, 24);
OFFSET(roost_registry, add_scheme, 32);
OFFSET(roost_registry, add_worker_hooks, 40);
OFFSET(roost_registry, add_batch_end, 48);

SIZE_AT_LEAST(roost_mount_sink, 32);
OFFSET(roost_mount_sink, struct_size, 0);
OFFSET(roost_mount_sink, impl, 8);
OFFSET(roost_mount_sink, add_route, 16);
OFFSET(roost_mount_sink, add_directory, 24);

SIZE_AT_LEAST(roost_worker_info, 24);
OFFSET(roost_worker_info, struct_size, 0);
OFFSET(roost_worker_info, index, 4);
OFFSET(roost_worker_info, processes, 8);
OFFSET(roost_worker_info, threads, 12);
OFFSET(roost_worker_info, generation, 16);
OFFSET(roost_worker_info, development, 20);

SIZE_AT_LEAST(roost_host, 360);
OFFSET(roost_host, struct_size, 0);
OFFSET(roost_host, abi_version, 4);
OFFSET(roost_host, capabilities, 8);
OFFSET(roost_host, server_version, 16);
OFFSET(roost_host, log, 32);
OFFSET(roost_host, log_enabled, 40);
OFFSET(roost_host, header, 48);
OFFSET(roost_host, text, 56);
OFFSET(roost_host, respond, 64);
OFFSET(roost_host, fail, 72);
OFFSET(roost_host, drop, 80);
OFFSET(roost_host, start, 88);
OFFSET(roost_host, write, 96);
OFFSET(roost_host, finish, 104);
OFFSET(roost_host, on_writable, 112);
OFFSET(roost_host, on_cancel, 120);
OFFSET(roost_host, cancelled, 128);
OFFSET(roost_host, read_body, 136);
OFFSET(roost_host, pause_body, 144);
OFFSET(roost_host, resume_body, 152);
OFFSET(roost_host, resume, 160);
OFFSET(roost_host, head_status, 168);
OFFSET(roost_host, head_set_status, 176);
OFFSET(roost_host, head_get, 184);
OFFSET(roost_host, head_set, 192);
OFFSET(roost_host, head_add, 200);
OFFSET(roost_host, ws_accept, 208);
OFFSET(roost_host, ws_retain, 216);
OFFSET(roost_host, ws_release, 224);
OFFSET(roost_host, ws_id, 232);
OFFSET(roost_host, ws_send, 240);
OFFSET(roost_host, ws_close, 248);
OFFSET(roost_host, ws_buffered, 256);
OFFSET(roost_host, ws_send_to, 264);
OFFSET(roost_host, ws_broadcast, 272);
OFFSET(roost_host, ws_list, 280);
OFFSET(roost_host, ws_subscribe, 288);
OFFSET(roost_host, ws_unsubscribe, 296);
OFFSET(roost_host, ws_publish, 304);
OFFSET(roost_host, post, 312);
OFFSET(roost_host, submit, 320);
OFFSET(roost_host, worker_info, 328);
OFFSET(roost_host, retire, 336);
OFFSET(roost_host, metric_add, 344);
OFFSET(roost_host, on_release, 352);

SIZE_AT_LEAST(roost_plugin, 72);
OFFSET(roost_plugin, struct_size, 0);
OFFSET(roost_plugin, abi_version, 4);
OFFSET(roost_plugin, name, 8);
OFFSET(roost_plugin, version, 24);
OFFSET(roost_plugin, compiler, 40);
OFFSET(roost_plugin, configure, 56);
OFFSET(roost_plugin, destroy, 64);

/* Numbers that cross the boundary. */
_Static_assert(ROOST_OK == 0, "");
_Static_assert(ROOST_ERROR == -1, "");
_Static_assert(ROOST_GONE == -2, "");
_Static_assert(ROOST_WOULD_BLOCK == -3, "");
_Static_assert(ROOST_TOO_LATE == -4, "");
_Static_assert(ROOST_UNSUPPORTED == -5, "");
_Static_assert(ROOST_INVALID == -6, "");
_Static_assert(sizeof(roost_status) == 4, "");
_Static_assert(ROOST_TEXT_REQUEST_ID == 0, "");
_Static_assert(ROOST_TEXT_CLIENT_IP == 1, "");
_Static_assert(ROOST_TEXT_PEER == 2, "");
_Static_assert(ROOST_TEXT_SCHEME == 3, "");
_Static_assert(ROOST_TEXT_HOST == 4, "");
_Static_assert(ROOST_TEXT_DECODED_PATH == 5, "");
_Static_assert(sizeof(roost_text) == 4, "");
_Static_assert(ROOST_WS_TEXT == 1, "");
_Static_assert(ROOST_WS_BINARY == 2, "");
_Static_assert(sizeof(roost_ws_kind) == 4, "");
_Static_assert(ROOST_CONTINUE == 0, "");
_Static_assert(ROOST_RESPOND == 1, "");
_Static_assert(ROOST_LATER == 2, "");
_Static_assert(sizeof(roost_decision) == 4, "");
_Static_assert(ROOST_VALUE_NULL == 0, "");
_Static_assert(ROOST_VALUE_SCALAR == 1, "");
_Static_assert(ROOST_VALUE_LIST == 2, "");
_Static_assert(ROOST_VALUE_MAP == 3, "");
_Static_assert(sizeof(roost_value_kind) == 4, "");
_Static_assert(ROOST_LOG_DEBUG == 0, "");
_Static_assert(ROOST_LOG_INFO == 1, "");
_Static_assert(ROOST_LOG_WARNING == 2, "");
_Static_assert(ROOST_LOG_ERROR == 3, "");
_Static_assert(sizeof(roost_log_level) == 4, "");
_Static_assert(ROOST_REQUEST_SECURE == 1, "");
_Static_assert(ROOST_REQUEST_UPGRADE == 2, "");
_Static_assert(ROOST_REQUEST_KEEP_ALIVE == 4, "");
_Static_assert(ROOST_RESPONSE_FILE == 1, "");
_Static_assert(ROOST_RESPONSE_CLOSE == 2, "");
_Static_assert(ROOST_HANDLER_IMMEDIATE == 1, "");
_Static_assert(ROOST_HANDLER_BLOCKING == 2, "");
_Static_assert(ROOST_HANDLER_STREAM_BODY == 4, "");
_Static_assert(ROOST_HANDLER_WEBSOCKET == 8, "");
_Static_assert(ROOST_CAN_STREAM == 1ull << 0, "");
_Static_assert(ROOST_CAN_READ_BODY == 1ull << 1, "");
_Static_assert(ROOST_CAN_WEBSOCKET == 1ull << 2, "");
_Static_assert(ROOST_CAN_TOPICS == 1ull << 3, "");
_Static_assert(ROOST_CAN_METRICS == 1ull << 4, "");
_Static_assert(ROOST_CAN_FILTER_BODY == 1ull << 5, "");
_Static_assert(ROOST_ABI_MAJOR == 1, "a new major version has a layout file of its own");

int main(void) {
  return 0;
}
