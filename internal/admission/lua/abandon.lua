-- Takes back the marks of a claim that came to nothing.
-- KEYS: delivery, window   ARGV: workflow
for _, key in ipairs(KEYS) do
  local mark = redis.call('HMGET', key, 's', 'w')
  if mark[1] == 'pending' and mark[2] == ARGV[1] then redis.call('DEL', key) end
end
return 0
