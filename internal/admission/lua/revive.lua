-- Moves dead letters back to the end of their stream, as they were.
-- KEYS: stream, dead letters   ARGV: stream limit, ids in order
-- Returns how many were moved, and 1 when the stream was full. What is not there
-- was moved before.
local moved = 0
for i = 2, #ARGV do
  local found = redis.call('XRANGE', KEYS[2], ARGV[i], ARGV[i])
  if #found > 0 then
    if redis.call('XLEN', KEYS[1]) >= tonumber(ARGV[1]) then return {moved, 1} end
    -- bury.lua put its own two fields before the entry's.
    redis.call('XADD', KEYS[1], '*', unpack(found[1][2], 5))
    redis.call('XDEL', KEYS[2], ARGV[i])
    moved = moved + 1
  end
end
return {moved, 0}
