-- Takes or keeps the lease on a stream and returns its next entries in order.
--
-- KEYS: stream, lease
-- ARGV: token, lease TTL (ms), after (an entry id, '' for the head), count, bytes
-- Returns a state and the entries: 0 nothing is left in the stream (the lease is
-- given back), 1 here they are (none: the end was reached), 2 somebody else has
-- the lease.
local stream, lease, token = KEYS[1], KEYS[2], ARGV[1]
local holder = redis.call('GET', lease)

if redis.call('XLEN', stream) == 0 then
  if holder == token then redis.call('DEL', lease) end
  return {0, {}}
end
if holder and holder ~= token then return {2, {}} end
redis.call('SET', lease, token, 'PX', ARGV[2])

-- In small bites, because one entry can be as large as a webhook's body.
local from, left, bytes = '-', tonumber(ARGV[4]), tonumber(ARGV[5])
if ARGV[3] ~= '' then from = '(' .. ARGV[3] end
local page = {}
while left > 0 and bytes > 0 do
  local bite = redis.call('XRANGE', stream, from, '+', 'COUNT', math.min(left, 16))
  for _, entry in ipairs(bite) do
    page[#page + 1] = entry
    for _, value in ipairs(entry[2]) do bytes = bytes - #value end
  end
  if #bite < 16 then break end
  left, from = left - #bite, '(' .. bite[#bite][1]
end
return {1, page}
