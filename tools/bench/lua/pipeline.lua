-- Sends 16 requests at once on each connection, and counts each of their responses.
init = function(args)
  local one = wrk.format("GET", wrk.path)
  all = string.rep(one, 16)
end
request = function() return all end
