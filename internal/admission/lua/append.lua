-- Adds an entry to a stream that refuses instead of forgetting.
-- KEYS: stream   ARGV: limit, field, value ...
-- Returns 1 when the stream was full.
if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return 1 end
redis.call('XADD', KEYS[1], '*', unpack(ARGV, 2))
return 0
