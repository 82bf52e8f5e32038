/*
 * Every script begins with whose time decides ("engine" or "caller") and the caller's time. With the engine's,
 * a lifetime is the longer of what engine and caller make of it: a caller whose clock is behind, or an engine
 * whose clock is ahead, ends nothing early.
 */
const PRELUDE = `
local byEngine = ARGV[1] == 'engine'
local callersNow = tonumber(ARGV[2])
local now = callersNow
if byEngine then
  local time = redis.call('TIME')
  now = time[1] * 1000 + math.floor(time[2] / 1000)
end
local function remaining(expiresAt)
  local rest = tonumber(expiresAt) - now
  if byEngine then rest = math.max(rest, tonumber(expiresAt) - callersNow) end
  return rest
end
local function whole(number) return string.format('%.0f', number) end
local function times(version, seen, expires)
  return string.format('%016.0f %016.0f %016.0f ', version, seen, expires)
end
local function readTimes(key)
  local text = redis.pcall('GETRANGE', key, 0, 50)
  if type(text) ~= 'string' then return nil end
  local version, seen, expires = string.match(text, '^(%d+) (%d+) (%d+) $')
  if not version or (not byEngine and tonumber(expires) <= now) then return nil end
  return tonumber(version), tonumber(seen), tonumber(expires)
end
local function longest(key, expiresAt)
  return whole(math.max(remaining(expiresAt), redis.call('PTTL', key), 1))
end
`

/** Session; head, tail, expiresAt -> 1, or 0 where the id is there. */
export const INSERT: string = `${PRELUDE}
local left = whole(math.max(remaining(ARGV[5]), 1))
return redis.call('SET', KEYS[1], ARGV[3] .. ARGV[4], 'PX', left, 'NX') and 1 or 0`

/** Session; expected version, version, lastSeenAt, expiresAt, tail -> 1 or 0. */
export const REPLACE: string = `${PRELUDE}
local version, seen, expires = readTimes(KEYS[1])
if version ~= tonumber(ARGV[3]) then return 0 end
seen = math.max(seen, tonumber(ARGV[5]))
expires = math.max(expires, tonumber(ARGV[6]))
local value = times(tonumber(ARGV[4]), seen, expires) .. ARGV[7]
redis.call('SET', KEYS[1], value, 'PX', longest(KEYS[1], expires))
return 1`

/** Session; lastSeenAt, expiresAt -> a beginning of the value that holds its words, or nothing. */
export const TOUCH: string = `${PRELUDE}
local version, seen, expires = readTimes(KEYS[1])
if not version then return false end
seen = math.max(seen, tonumber(ARGV[3]))
expires = math.max(expires, tonumber(ARGV[4]))
redis.call('SETRANGE', KEYS[1], 0, times(version, seen, expires))
redis.call('PEXPIRE', KEYS[1], longest(KEYS[1], expires))
local words = redis.call('GETRANGE', KEYS[1], 0, 511)
if string.find(words, '\\n', 1, true) then return words end
return redis.call('GET', KEYS[1])`

/**
 * Session and ending; reason, how long it is kept, channel, notice, and where it was found by an index the word
 * that must stand at that place, and the place (5 or 6) -> the value, or nothing. What is there and cannot be
 * read is ended as well.
 */
export const END: string = `${PRELUDE}
if redis.call('EXISTS', KEYS[1]) == 0 then return false end
local value = redis.pcall('GET', KEYS[1])
if type(value) ~= 'string' then value = '' end
if ARGV[8] then
  local subject, sid = string.match(value, '^%d+ %d+ %d+ %d+ (%S+) (%S+)\\n')
  local word = ARGV[8] == '5' and subject or sid
  if subject and word ~= ARGV[7] then return false end
end
redis.call('DEL', KEYS[1])
redis.call('SET', KEYS[2], ARGV[3] .. ' ' .. whole(now + ARGV[4]), 'PX', ARGV[4])
redis.call('PUBLISH', ARGV[5], ARGV[6])
return value`

/** Lease; its length, how long its number is remembered after it -> fencing number, or nothing. */
export const ACQUIRE: string = `${PRELUDE}
local held = redis.call('HMGET', KEYS[1], 'number', 'until')
if held[2] and tonumber(held[2]) > now then return false end
local time = redis.call('TIME')
local number = math.max((tonumber(held[1] or 0)) + 1, time[1] * 1000000 + time[2])
redis.call('HSET', KEYS[1], 'number', whole(number), 'until', whole(now + ARGV[3]))
redis.call('PEXPIRE', KEYS[1], whole(ARGV[3] + ARGV[4]))
return whole(number)`

/** Lease; fencing number, channel, notice. */
export const RELEASE: string = `${PRELUDE}
local held = redis.call('HMGET', KEYS[1], 'number', 'until')
if held[1] ~= ARGV[3] or held[2] == '0' then return 0 end
redis.call('HSET', KEYS[1], 'until', '0')
redis.call('PUBLISH', ARGV[4], ARGV[5])
return 1`

/** Claim; expiresAt, maximum -> 1 or 0. */
export const CLAIM: string = `${PRELUDE}
local rest, max = remaining(ARGV[3]), tonumber(ARGV[4])
if rest <= 0 or max < 1 then return 0 end
local count, ends = string.match(redis.call('GET', KEYS[1]) or '', '^(%d+) (%d+)$')
if not count or tonumber(ends) <= now then
  redis.call('SET', KEYS[1], '1 ' .. whole(now + rest), 'PX', whole(rest))
  return 1
end
if tonumber(count) >= max then return 0 end
redis.call('SET', KEYS[1], whole(count + 1) .. ' ' .. ends, 'KEEPTTL')
return 1`

/** Blob; expiresAt, bytes. */
export const PUT_BLOB: string = `${PRELUDE}
local rest = remaining(ARGV[3])
if rest <= 0 then return redis.call('DEL', KEYS[1]) end
redis.call('SET', KEYS[1], string.format('%016.0f', now + rest) .. ARGV[4], 'PX', whole(rest))
return 1`

/*
 * An index is a sorted set of ids. A score is two times in minutes: the high part is until when an entry may
 * stand for a living session, the low part when it was written. It is given twice the session's remaining time:
 * a touch whose second half was lost in a crash then leaves the entry alive as long as the session.
 */
const SCORES = `
local MINUTE, PART = 60000, 67108864
local minute = math.floor(now / MINUTE)
`

/** Index; id, expiresAt. */
export const INDEX_ADD: string = `${PRELUDE}${SCORES}
local deadline = now + 2 * math.max(remaining(ARGV[4]), 0) + 2 * MINUTE
local score = math.floor(deadline / MINUTE) * PART + minute
redis.call('ZREMRANGEBYSCORE', KEYS[1], '-inf', '(' .. whole(minute * PART))
local old = redis.call('ZSCORE', KEYS[1], ARGV[3])
if not old or tonumber(old) < score then redis.call('ZADD', KEYS[1], whole(score), ARGV[3]) end
redis.call('PEXPIRE', KEYS[1], longest(KEYS[1], deadline + MINUTE))
return 1`

/** Index; ids without a session: those go that no insert can still be about to fill. */
export const INDEX_DROP: string = `${PRELUDE}${SCORES}
local dropped = 0
for place = 3, #ARGV do
  local score = redis.call('ZSCORE', KEYS[1], ARGV[place])
  if score and tonumber(score) % PART + 2 <= minute then
    dropped = dropped + redis.call('ZREM', KEYS[1], ARGV[place])
  end
end
return dropped`
