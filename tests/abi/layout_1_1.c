/* What version 1.1 of the plugin interface appended to 1.0: whole types, and fields at the end of others. Frozen once 1.1 is
 * released, as layout_1_0.c is. */
#include "layout.h"

SIZE_AT_LEAST(roost_form_file, 88);
OFFSET(roost_form_file, struct_size, 0);
OFFSET(roost_form_file, file, 4);
OFFSET(roost_form_file, name, 8);
OFFSET(roost_form_file, filename, 24);
OFFSET(roost_form_file, content_type, 40);
OFFSET(roost_form_file, content, 56);
OFFSET(roost_form_file, file_offset, 72);
OFFSET(roost_form_file, size, 80);

SIZE_AT_LEAST(roost_form, 56);
OFFSET(roost_form, struct_size, 0);
OFFSET(roost_form, status, 4);
OFFSET(roost_form, why, 8);
OFFSET(roost_form, fields, 24);
OFFSET(roost_form, field_count, 32);
OFFSET(roost_form, files, 40);
OFFSET(roost_form, file_count, 48);

SIZE_AT_LEAST(roost_form_part, 56);
OFFSET(roost_form_part, struct_size, 0);
OFFSET(roost_form_part, is_file, 4);
OFFSET(roost_form_part, name, 8);
OFFSET(roost_form_part, filename, 24);
OFFSET(roost_form_part, content_type, 40);

SIZE_AT_LEAST(roost_form_callbacks, 32);
OFFSET(roost_form_callbacks, struct_size, 0);
OFFSET(roost_form_callbacks, on_part, 8);
OFFSET(roost_form_callbacks, on_data, 16);
OFFSET(roost_form_callbacks, on_part_end, 24);

SIZE_AT_LEAST(roost_directory, 136);
OFFSET(roost_directory, headers, 88);
OFFSET(roost_directory, header_count, 96);
OFFSET(roost_directory, default_headers, 104);
OFFSET(roost_directory, default_header_count, 112);
OFFSET(roost_directory, excluded, 120);
OFFSET(roost_directory, excluded_count, 128);

SIZE_AT_LEAST(roost_worker_info, 28);
OFFSET(roost_worker_info, drain_ms, 24);

SIZE_AT_LEAST(roost_host, 440);
OFFSET(roost_host, ws_pause, 360);
OFFSET(roost_host, ws_resume, 368);
OFFSET(roost_host, form, 376);
OFFSET(roost_host, form_file_path, 384);
OFFSET(roost_host, form_parser_new, 392);
OFFSET(roost_host, form_parser_feed, 400);
OFFSET(roost_host, form_parser_finish, 408);
OFFSET(roost_host, form_parser_free, 416);
OFFSET(roost_host, respond_file, 424);
OFFSET(roost_host, on_drain, 432);

/* Numbers that cross the boundary. */
_Static_assert(ROOST_REQUEST_STREAMED == 8, "");
_Static_assert(ROOST_ROUTE_SLASH == 256, "");
_Static_assert(ROOST_ROUTE_FALLBACK == 512, "");
_Static_assert(ROOST_CAN_READ_FORM == 1ull << 6, "");
_Static_assert(ROOST_CAN_SEND_FILES == 1ull << 7, "");
_Static_assert(ROOST_ABI_MINOR == 1, "a new minor version has a layout file of its own");
