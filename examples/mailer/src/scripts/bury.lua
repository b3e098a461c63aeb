-- KEYS: totals, hour, stream, dead letters  ARGV: tenant, channel, group, entry, mail, error
-- Returns 1 if the entry becomes a dead letter by this call, and 0 if it is acknowledged already.
if redis.call('XACK', KEYS[3], ARGV[3], ARGV[4]) == 0 then
    return 0
end
redis.call('XDEL', KEYS[3], ARGV[4])
redis.call('XADD', KEYS[4], '*', 'mail', ARGV[5], 'error', ARGV[6])
count('failed', KEYS[1], KEYS[2], ARGV[1], ARGV[2])
return 1
