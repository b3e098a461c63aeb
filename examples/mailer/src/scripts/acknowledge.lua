-- KEYS: totals, hour, stream  ARGV: tenant, channel, group, entry
-- Returns 1 if the entry is acknowledged by this call, and 0 if it was before: then nothing is counted.
if redis.call('XACK', KEYS[3], ARGV[3], ARGV[4]) == 0 then
    return 0
end
redis.call('XDEL', KEYS[3], ARGV[4])
count('delivered', KEYS[1], KEYS[2], ARGV[1], ARGV[2])
return 1
