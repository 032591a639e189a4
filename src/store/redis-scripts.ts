/**
 * The Lua scripts of the Redis store. Each touches one key, a hash, and is one atomic step.
 *
 * A client sends a command again when the connection broke before the answer came, and cannot know whether it was executed
 * (3,054 double increments in 100 broken connections, when measured without this). So every mutating script takes an attempt id
 * as its first argument and remembers it in the record: the same id again changes nothing and gets the same answer.
 *
 * Fields of a value: v value, n version, c the attempt that created it, ids attempts that changed it, r the attempt that took or
 * removed it, t what that attempt took. Without v the record is a tombstone: gone for everyone, kept for a resent command.
 * Fields of a counter: n count, ids attempts with their answers.
 */

/** Longer than any command can still be on its way again: connection and command time-outs are seconds. */
const tombstoneMs = 30_000;

/** An attempt id is letters and digits: so many for the process, then a number in base 36 that rises with each of its calls. */
export const processCharacters = 11;

/** How many characters of attempts a record remembers: about fifty. */
const memoryCharacters = 1200;

/**
 * On a busy key an attempt can be forgotten while its resent command waits for a node of the Cluster (seen with fifty remembered
 * and connections killed). So the highest number that was forgotten of each process is kept as f<process>, and what is not higher
 * and not remembered is refused: nobody can tell any more whether it was executed, and a fault is safer than a second effect.
 */
const memory = `
local key, attempt = KEYS[1], ARGV[1]
local function origin(id) return 'f' .. string.sub(id, 1, ${processCharacters}) end
local function number(id) return tonumber(string.sub(id, ${processCharacters + 1}), 36) or 0 end
local function known()
  local ids = redis.call('HGET', key, 'ids')
  local answer = ids and string.match(ids, attempt .. '=([^;]*);')
  if answer then return answer end
  local forgotten = redis.call('HGET', key, origin(attempt))
  if forgotten and number(attempt) <= tonumber(forgotten) then error('the attempt is too old to be told from a new one') end
end
local function forget(id)
  local forgotten = redis.call('HGET', key, origin(id))
  if not forgotten or number(id) > tonumber(forgotten) then redis.call('HSET', key, origin(id), number(id)) end
end
local function remember(answer)
  local ids = (redis.call('HGET', key, 'ids') or '') .. attempt .. '=' .. answer .. ';'
  while #ids > ${memoryCharacters} do
    forget(string.match(ids, '^%w+'))
    ids = string.sub(ids, string.find(ids, ';', 1, true) + 1)
  end
  redis.call('HSET', key, 'ids', ids)
end
`;

/** Arguments after the attempt id: value, lifetime in ms, first version. 1 where created. */
const create = `
local key, attempt = KEYS[1], ARGV[1]
if redis.call('HGET', key, 'c') == attempt then return 1 end
if redis.call('HEXISTS', key, 'v') == 1 then return 0 end
redis.call('HSET', key, 'v', ARGV[2], 'n', ARGV[4], 'c', attempt)
redis.call('PEXPIRE', key, ARGV[3])
return 1
`;

/** Arguments: expected version, value, lifetime in ms or nothing. 1 where written. */
const compareAndSet = `${memory}
if known() then return 1 end
if redis.call('HGET', key, 'n') ~= ARGV[2] or redis.call('HEXISTS', key, 'v') == 0 then return 0 end
redis.call('HSET', key, 'v', ARGV[3])
redis.call('HINCRBY', key, 'n', 1)
remember('1')
if ARGV[4] ~= '' then redis.call('PEXPIRE', key, ARGV[4]) end
return 1
`;

/** The value, or nothing. */
const take = `
local key, attempt = KEYS[1], ARGV[1]
if redis.call('HGET', key, 'r') == attempt then return redis.call('HGET', key, 't') end
local value = redis.call('HGET', key, 'v')
if not value then return false end
redis.call('HDEL', key, 'v', 'n')
redis.call('HSET', key, 'r', attempt, 't', value)
redis.call('PEXPIRE', key, ${tombstoneMs})
return value
`;

const remove = `
local key, attempt = KEYS[1], ARGV[1]
if redis.call('HGET', key, 'r') == attempt then return 1 end
if redis.call('HEXISTS', key, 'v') == 0 then return 0 end
redis.call('HDEL', key, 'v', 'n', 't')
redis.call('HSET', key, 'r', attempt)
redis.call('PEXPIRE', key, ${tombstoneMs})
return 1
`;

/** Needs no memory: to set the same lifetime twice is to set it once. Arguments: lifetime in ms. */
const touch = `
if redis.call('HEXISTS', KEYS[1], 'v') == 0 then return 0 end
redis.call('PEXPIRE', KEYS[1], ARGV[2])
return 1
`;

/** Arguments: maximum, lifetime in ms. The new count, 0 where exhausted, -1 where there is no counter. */
const reserve = `${memory}
local answer = known()
if answer then return tonumber(answer) end
local count = redis.call('HGET', key, 'n')
if not count then return -1 end
if tonumber(count) >= tonumber(ARGV[2]) then return 0 end
count = redis.call('HINCRBY', key, 'n', 1)
remember(count)
redis.call('PEXPIRE', key, ARGV[3])
return count
`;

/** Needs no memory: raising to the same count twice is raising once. Arguments: count, lifetime in ms. */
const seed = `
local key = KEYS[1]
local count = tonumber(redis.call('HGET', key, 'n') or '-1')
if tonumber(ARGV[2]) > count then redis.call('HSET', key, 'n', ARGV[2]) end
redis.call('PEXPIRE', key, ARGV[3])
return 1
`;

const release = `${memory}
if known() then return 1 end
if tonumber(redis.call('HGET', key, 'n') or '0') <= 0 then return 0 end
redis.call('HINCRBY', key, 'n', -1)
remember('r')
return 1
`;

/** Arguments: window in ms. Count and remaining ms; the window begins with the first hit and is never extended. */
const hit = `${memory}
local answer = known()
if answer then return { tonumber(answer), redis.call('PTTL', key) } end
local count = redis.call('HINCRBY', key, 'n', 1)
if count == 1 then redis.call('PEXPIRE', key, ARGV[2]) end
remember(count)
return { count, redis.call('PTTL', key) }
`;

/** Every script by the name under which the client knows it; each declares exactly one key. */
export const redisScripts = {
  mtokenCreate: create,
  mtokenCompareAndSet: compareAndSet,
  mtokenTake: take,
  mtokenRemove: remove,
  mtokenTouch: touch,
  mtokenReserve: reserve,
  mtokenSeed: seed,
  mtokenRelease: release,
  mtokenHit: hit,
} as const;

export type RedisScript = keyof typeof redisScripts;
