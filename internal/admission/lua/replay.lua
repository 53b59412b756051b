-- Brings a repeat that was decided while Redis was away into Redis: it counts
-- in its window if that is still the same one, and the delivery is remembered.
-- One that is remembered already was counted: by an answer that came too late,
-- by a call of this script whose answer was lost, or by another process.
-- One that the incident has to be told of is remembered as pending, unless
-- another process knows more, and is logged when it is confirmed.
--
-- KEYS: delivery, window, delivery stream
-- ARGV: workflow, incident, has delivery, TTL of its mark (ms), stream limit,
--       delivery entry (JSON), count to tell or 0
-- Returns 1 when the stream was full.
local to_tell, counted = ARGV[7] ~= '0', false
if ARGV[3] == '1' then
  counted = redis.call('HGET', KEYS[1], 'w') == ARGV[1]
  if not to_tell then
    redis.call('HSET', KEYS[1], 's', 'done', 'w', ARGV[1], 'i', ARGV[2])
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
  elseif redis.call('EXISTS', KEYS[1]) == 0 then
    redis.call('HSET', KEYS[1], 's', 'pending', 'w', ARGV[1], 'i', ARGV[2], 'n', ARGV[7])
    redis.call('PEXPIRE', KEYS[1], ARGV[4])
  end
end
if not counted and redis.call('HGET', KEYS[2], 'w') == ARGV[1] then
  redis.call('HINCRBY', KEYS[2], 'n', 1)
end
if to_tell then return 0 end

if redis.call('XLEN', KEYS[3]) >= tonumber(ARGV[5]) then return 1 end
redis.call('XADD', KEYS[3], '*', 'd', ARGV[6])
return 0
