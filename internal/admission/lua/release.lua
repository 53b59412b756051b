-- Closes a window, if it is still that workflow's.
-- KEYS: window   ARGV: workflow
if redis.call('HGET', KEYS[1], 'w') == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
