-- Decides about one claim. Everything that is read and written here is one step
-- for every other process.
--
-- KEYS: cap, bucket, delivery, window, delivery stream
-- ARGV: now (µs), workflow, incident, has delivery, has window, skip rate,
--       delivery TTL (ms), pending TTL (ms), µs per token, burst, hard cap,
--       stream limit, delivery entry (JSON), outcome of a repeat, level
-- Returns verdict, workflow, incident, count, ms (until a retry, or until the
-- window ends), 1 when the stream was full, since when the window is open (ms since
-- 1970, or 0), and the level that the window's incident is known to have, or 0.
-- 'tell' is a repeat that the incident has to be told of: its mark stays pending,
-- and n in it is its count.
local cap, bucket, delivery, window, stream = KEYS[1], KEYS[2], KEYS[3], KEYS[4], KEYS[5]
local now, workflow, incident = tonumber(ARGV[1]), ARGV[2], ARGV[3]
local has_delivery, has_window, skip_rate = ARGV[4] == '1', ARGV[5] == '1', ARGV[6] == '1'
local delivery_ttl, pending_ttl, level = ARGV[7], ARGV[8], tonumber(ARGV[15])

local function log(outcome, wf, inc, count, since, left)
  if redis.call('XLEN', stream) >= tonumber(ARGV[12]) then return 1 end
  redis.call('XADD', stream, '*', 'd', ARGV[13], 'outcome', outcome,
    'workflow_id', wf, 'incident_id', inc, 'count', count, 'since', since, 'left', left)
  return 0
end

local function mark(state, wf, inc, ttl)
  redis.call('HSET', delivery, 's', state, 'w', wf, 'i', inc)
  redis.call('PEXPIRE', delivery, ttl)
end

-- The rule of contract.Milestone; a test holds the two together.
local function milestone(n)
  while n > 0 and n % 10 == 0 do n = n / 10 end
  return n == 1 or n == 2 or n == 5
end

-- A fixed minute that begins with the first request. A claim that skips the
-- rate was counted already, when it was found to be over.
if not skip_rate then
  local seen = redis.call('INCR', cap)
  if seen == 1 then redis.call('PEXPIRE', cap, 60000) end
  if seen > tonumber(ARGV[11]) then
    return {'refused', workflow, incident, 0, redis.call('PTTL', cap), 0, 0, 0}
  end
end

local win = {false, false, false, false, false, false}
if has_window then win = redis.call('HMGET', window, 's', 'w', 'i', 'n', 't', 'v') end
local since, known = tonumber(win[5] or '0'), tonumber(win[6] or '0')

-- Any of those that meet a pending window may be the one that starts the incident,
-- so of that no more is known than the lowest level among them.
local function join()
  if win[1] == 'pending' and level < known then
    known = level
    redis.call('HSET', window, 'v', level)
  end
end

if has_delivery then
  local d = redis.call('HMGET', delivery, 's', 'w', 'i', 'n')
  if d[1] then
    local count = 0
    if win[1] and win[2] == d[2] then count = tonumber(win[4]) end
    if d[1] == 'done' then
      return {'duplicate', d[2], d[3], count, 0, log('duplicate', d[2], d[3], count, 0, 0), 0, 0}
    end
    if d[4] then -- counted before; whether it was told nobody knows
      local same = win[2] == d[2] and win[3] == d[3]
      return {'tell', d[2], d[3], same and tonumber(d[4]) or 0, 0, 0, 0, known}
    end
    join()
    return {'pending', d[2], d[3], math.max(count, 1), 0, 0, 0, known}
  end
end

if win[1] then
  local count = redis.call('HINCRBY', window, 'n', 1)
  local left = redis.call('PTTL', window)
  if win[1] == 'open' and (milestone(count) or level > known) then
    if has_delivery then
      mark('pending', win[2], win[3], pending_ttl)
      redis.call('HSET', delivery, 'n', count)
    end
    return {'tell', win[2], win[3], count, left, 0, since, known}
  end
  if win[1] == 'open' then
    if has_delivery then mark('done', win[2], win[3], delivery_ttl) end
    return {'repeat', win[2], win[3], count, left, log(ARGV[14], win[2], win[3], count, since, left), since, known}
  end
  if has_delivery then mark('pending', win[2], win[3], pending_ttl) end
  join()
  return {'pending', win[2], win[3], count, left, 0, 0, known}
end

-- A token bucket as one number: the time at which it will be full again.
if not skip_rate then
  local step = tonumber(ARGV[9])
  local full = math.max(tonumber(redis.call('GET', bucket) or '0'), now) + step
  if full - now > tonumber(ARGV[10]) * step then
    return {'over', workflow, incident, 0, 0, 0, 0, 0}
  end
  local until_full = math.max(1, math.ceil((full - now) / 1000))
  redis.call('SET', bucket, string.format('%.0f', full), 'PX', string.format('%.0f', until_full))
end

if has_delivery then mark('pending', workflow, incident, pending_ttl) end
if has_window then
  redis.call('HSET', window, 's', 'pending', 'w', workflow, 'i', incident, 'n', 1, 'v', level)
  redis.call('PEXPIRE', window, pending_ttl)
end
return {'new', workflow, incident, 1, 0, 0, 0, level}
