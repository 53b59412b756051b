-- Moves an entry that can never be handled to the dead letters.
-- KEYS: stream, dead letters   ARGV: entry id, reason
local found = redis.call('XRANGE', KEYS[1], ARGV[1], ARGV[1])
if #found == 0 then return 0 end
redis.call('XADD', KEYS[2], '*', 'id', ARGV[1], 'reason', ARGV[2], unpack(found[1][2]))
return redis.call('XDEL', KEYS[1], ARGV[1])
