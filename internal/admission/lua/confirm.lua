-- Opens what a claim marked, and logs the delivery. Marks that meanwhile belong
-- to another workflow are left as they are; a window that is open already keeps
-- its end, because a window does not slide.
--
-- KEYS: delivery, window, last, delivery stream
-- ARGV: workflow, incident, has delivery, has window, delivery TTL (ms),
--       window TTL (ms), last TTL (ms), stream limit, delivery entry (JSON), now (ms since 1970),
--       what the caller has counted in a window that it opens, or 0: more than Redis
--       has when it was away, level that the incident has been told of
-- Returns 1 when the stream was full.
local workflow, incident, counted, level = ARGV[1], ARGV[2], tonumber(ARGV[11]), tonumber(ARGV[12])
local win = redis.call('HMGET', KEYS[2], 's', 'w', 'n', 'i', 'v')

if ARGV[3] == '1' then
  local owner = redis.call('HGET', KEYS[1], 'w')
  if not owner or owner == workflow then
    redis.call('HSET', KEYS[1], 's', 'done', 'w', workflow, 'i', incident)
    redis.call('PEXPIRE', KEYS[1], ARGV[5])
  end
end

if ARGV[4] == '1' then
  if not win[1] then
    redis.call('HSET', KEYS[2], 's', 'open', 'w', workflow, 'i', incident, 'n', math.max(1, counted), 't', ARGV[10], 'v', level)
    redis.call('PEXPIRE', KEYS[2], ARGV[6])
  elseif win[2] == workflow then
    if counted > tonumber(win[3] or '0') then redis.call('HSET', KEYS[2], 'n', counted) end
    if win[1] == 'pending' then
      -- The level is that of whoever started the incident, not of whoever was first to claim it.
      redis.call('HSET', KEYS[2], 's', 'open', 't', ARGV[10], 'v', level)
      -- The mark can be of a claim whose answer came too late, under a name that
      -- nothing was started by.
      if incident ~= '' then redis.call('HSET', KEYS[2], 'i', incident) end
      redis.call('PEXPIRE', KEYS[2], ARGV[6])
    elseif win[4] ~= incident and level < tonumber(win[5] or '0') then
      -- Its alert lives on in another incident than the one that the window was
      -- opened for, and what that was told of the new one need not know.
      redis.call('HSET', KEYS[2], 'v', level)
    end
  end
  if not win[1] or win[2] == workflow then
    redis.call('HSET', KEYS[3], 'w', workflow, 'i', incident)
    redis.call('PEXPIRE', KEYS[3], ARGV[7])
  end
end

-- Also of a repeat, which opens no window: what is worse from here on is told anew.
if win[1] == 'open' and win[2] == workflow and win[4] == incident and level > tonumber(win[5] or '0') then
  redis.call('HSET', KEYS[2], 'v', level)
end

if redis.call('XLEN', KEYS[4]) >= tonumber(ARGV[8]) then return 1 end
redis.call('XADD', KEYS[4], '*', 'd', ARGV[9])
return 0
