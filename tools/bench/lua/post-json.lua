-- Posts JSON of 1 KiB: eleven objects in a list.
local rows = {}
for i = 1, 11 do
  rows[i] = string.format('{"id":%d,"name":"item number %d","price":%d.25,"stars":%d,"done":%s,"tags":["a","b"]}',
    i, i, i * 3, i * 17, i % 2 == 0 and "true" or "false")
end
local body = '{"items":[' .. table.concat(rows, ",") .. '],"pad":"'
wrk.method = "POST"
wrk.body = body .. string.rep("x", 1024 - #body - 2) .. '"}'
wrk.headers["Content-Type"] = "application/json"
