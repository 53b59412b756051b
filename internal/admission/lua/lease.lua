-- Keeps a lease, or gives it back when the TTL is 0, if it is still the token's.
-- KEYS: lease   ARGV: token, TTL (ms)
-- Returns 1 when it was.
if redis.call('GET', KEYS[1]) ~= ARGV[1] then return 0 end
if ARGV[2] == '0' then return redis.call('DEL', KEYS[1]) end
return redis.call('PEXPIRE', KEYS[1], ARGV[2])
