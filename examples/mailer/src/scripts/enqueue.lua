-- KEYS: totals, hour, stream, marker  ARGV: tenant, channel, mail, seconds that the marker lives
-- Returns 1 if the mail is queued by this call, and 0 if it was before.
if not redis.call('SET', KEYS[4], 1, 'NX', 'EX', ARGV[4]) then
    return 0
end
redis.call('XADD', KEYS[3], '*', 'mail', ARGV[3])
count('queued', KEYS[1], KEYS[2], ARGV[1], ARGV[2])
return 1
