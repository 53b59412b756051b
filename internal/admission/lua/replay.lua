-- Brings a repeat that was decided while Redis was away into Redis: it counts
-- in its window if that is still the same one, and the delivery is remembered.
--
-- KEYS: delivery, window, delivery stream
-- ARGV: workflow, incident, has delivery, delivery TTL (ms), stream limit,
--       delivery entry (JSON)
-- Returns 1 when the stream was full.
if ARGV[3] == '1' then
  redis.call('HSET', KEYS[1], 's', 'done', 'w', ARGV[1], 'i', ARGV[2])
  redis.call('PEXPIRE', KEYS[1], ARGV[4])
end
if redis.call('HGET', KEYS[2], 'w') == ARGV[1] then redis.call('HINCRBY', KEYS[2], 'n', 1) end

if redis.call('XLEN', KEYS[3]) >= tonumber(ARGV[5]) then return 1 end
redis.call('XADD', KEYS[3], '*', 'd', ARGV[6])
return 0
