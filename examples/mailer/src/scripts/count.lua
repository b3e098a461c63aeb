-- Counts a mail of the tenant, in all and in its hour, and publishes the new counts.
local function count(field, totals, hour, tenant, channel)
    redis.call('HINCRBY', totals, field, 1)
    redis.call('HINCRBY', hour, field, 1)
    redis.call('EXPIRE', hour, 90 * 24 * 3600)
    local counts = redis.call('HMGET', totals, 'queued', 'delivered', 'failed')
    redis.call('PUBLISH', channel, cjson.encode({
        tenant = tenant,
        queued = tonumber(counts[1]) or 0,
        delivered = tonumber(counts[2]) or 0,
        failed = tonumber(counts[3]) or 0,
    }))
end
