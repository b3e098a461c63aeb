-- KEYS: limit  ARGV: milliseconds between two mails, how many may come at once
-- Returns 0 if a mail may be sent now, and otherwise in how many milliseconds.
--
-- A token bucket that needs one number (the generic cell rate algorithm): the moment from which on it is full
-- again. Time is that of the server, as the clocks of several applications differ.
local time = redis.call('TIME')
local now = time[1] * 1000 + math.floor(time[2] / 1000)
local interval, burst = tonumber(ARGV[1]), tonumber(ARGV[2])

local full = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local wait = full + interval - burst * interval - now
if wait > 0 then
    return wait
end
-- The key lives until the bucket is full, and a full bucket needs no key.
redis.call('SET', KEYS[1], string.format('%.0f', full + interval), 'PX', full + interval - now)
return 0
