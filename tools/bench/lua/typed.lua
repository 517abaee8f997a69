-- Posts one item.
wrk.method = "POST"
wrk.body = '{"name":"a thing","price":12.5,"quantity":3,"tags":["small","green"]}'
wrk.headers["Content-Type"] = "application/json"
