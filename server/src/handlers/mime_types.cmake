# cmake -DOUT=FILE -P mime_types.cmake: writes {"extension", "type"}, lines, sorted by extension, for mime_types.cpp.
# What stands here first wins over /etc/mime.types: what browsers expect (the HTML standard, IANA's registry), and enough
# to serve a site where the package media-types is missing.
set(types
  "html text/html" "htm text/html" "css text/css" "js text/javascript" "mjs text/javascript" "json application/json"
  "map application/json" "webmanifest application/manifest+json" "wasm application/wasm" "txt text/plain"
  "md text/markdown" "csv text/csv" "xml application/xml" "svg image/svg+xml" "png image/png" "jpg image/jpeg"
  "jpeg image/jpeg" "gif image/gif" "webp image/webp" "avif image/avif" "ico image/vnd.microsoft.icon"
  "woff font/woff" "woff2 font/woff2" "ttf font/ttf" "otf font/otf" "mp3 audio/mpeg" "ogg audio/ogg" "wav audio/x-wav"
  "mp4 video/mp4" "webm video/webm" "pdf application/pdf" "zip application/zip" "gz application/gzip"
  "jsonld application/ld+json" "ts text/plain" "yaml application/yaml" "yml application/yaml")
if(EXISTS /etc/mime.types)
  file(STRINGS /etc/mime.types lines REGEX "^[a-z]+/[^ \t]+[ \t]+[^ \t]")
  foreach(line ${lines})
    string(REGEX REPLACE "#.*" "" line "${line}")
    string(REGEX MATCHALL "[^ \t]+" words "${line}")
    list(POP_FRONT words type)
    foreach(extension ${words})
      list(APPEND types "${extension} ${type}")
    endforeach()
  endforeach()
endif()
set(rows "")
foreach(entry ${types})
  string(REGEX MATCH "^([^ ]+) (.+)$" _ "${entry}")
  string(TOLOWER "${CMAKE_MATCH_1}" extension)
  set(type "${CMAKE_MATCH_2}")
  if(NOT extension MATCHES "^[a-z0-9_+~!%.-]+$" OR DEFINED seen_${extension})
    continue()
  endif()
  set(seen_${extension} 1)
  # A charset for what browsers would otherwise guess at.
  if(type MATCHES "^text/")
    string(APPEND type "; charset=utf-8")
  endif()
  list(APPEND rows "{\"${extension}\", \"${type}\"},")
endforeach()
string(REPLACE "; charset" "@charset" rows "${rows}")
list(SORT rows)
string(REPLACE ";" "\n" rows "${rows}")
string(REPLACE "@charset" "; charset" rows "${rows}")
file(WRITE "${OUT}" "${rows}\n")
