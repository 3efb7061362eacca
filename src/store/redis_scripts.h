#pragma once

/// The Lua scripts of the Redis store. A script runs alone on its server, so that each is atomic; every key that one
/// touches is among its KEYS, as Redis Cluster wants.
namespace tessera::redis {

/// Applies a batch. ARGV is a row of operations, each a letter and its words, and takes its keys off KEYS in order:
///   G id window              ids                        what follows is skipped if the id was seen
///   U                                                   the end of that
///   P key value              values, keys               put
///   E key                    values, keys               erase
///   A key value keep         entries, numbers, keys     append
///   D key                    entries, numbers, keys, ids   erase_list
/// Gives one number for each of P, E, A, D: the sequence of an append, 0 for others, -1 for a duplicate.
inline constexpr const char* kCommitScript = R"lua(
local out, k, a, skip = {}, 1, 1, false
local call = redis.call
while a <= #ARGV do
  local op, key = ARGV[a], ARGV[a + 1]
  local result = skip and -1 or 0
  if op == 'G' then
    skip = call('ZSCORE', KEYS[k], key) ~= false
    if not skip then
      local last = call('ZRANGE', KEYS[k], -1, -1, 'WITHSCORES')
      call('ZADD', KEYS[k], (tonumber(last[2]) or 0) + 1, key)
      call('ZREMRANGEBYRANK', KEYS[k], 0, -1 - tonumber(ARGV[a + 2]))
    end
    k, a = k + 1, a + 3
    result = nil
  elseif op == 'U' then
    skip = false
    a = a + 1
    result = nil
  elseif op == 'P' then
    if not skip and call('HSET', KEYS[k], key, ARGV[a + 2]) == 1 then call('ZADD', KEYS[k + 1], 0, key) end
    k, a = k + 2, a + 3
  elseif op == 'E' then
    if not skip then
      call('HDEL', KEYS[k], key)
      call('ZREM', KEYS[k + 1], key)
    end
    k, a = k + 2, a + 2
  elseif op == 'A' then
    if not skip then
      result = call('HINCRBY', KEYS[k + 1], key, 1)
      if call('RPUSH', KEYS[k], ARGV[a + 2]) == 1 then call('ZADD', KEYS[k + 2], 0, key) end
      local keep = tonumber(ARGV[a + 3])
      if keep > 0 then call('LTRIM', KEYS[k], -keep, -1) end
    end
    k, a = k + 3, a + 4
  else
    if not skip then
      call('DEL', KEYS[k], KEYS[k + 3])
      call('HDEL', KEYS[k + 1], key)
      call('ZREM', KEYS[k + 2], key)
    end
    k, a = k + 4, a + 2
  end
  if result then out[#out + 1] = result end
end
return out
)lua";

/// KEYS values, keys; ARGV first bound of ZRANGEBYLEX, limit, bytes. Gives key, value, key, value, ... up to the limit,
/// and stops behind the value that goes over the bytes.
inline constexpr const char* kScanScript = R"lua(
local found = redis.call('ZRANGEBYLEX', KEYS[2], ARGV[1], '+', 'LIMIT', 0, tonumber(ARGV[2]))
local out, bytes, most = {}, 0, tonumber(ARGV[3])
for i = 1, #found do
  local value = redis.call('HGET', KEYS[1], found[i]) or ''
  out[2 * i - 1], out[2 * i] = found[i], value
  bytes = bytes + #value
  if bytes > most then break end
end
return out
)lua";

/// KEYS entries, numbers; ARGV key, mode, from, limit. Mode "tail": the newest `limit`; "range": from a sequence on.
/// Gives the first sequence kept, the next one, the sequence of the first entry given, the entries.
inline constexpr const char* kReadScript = R"lua(
local next = tonumber(redis.call('HGET', KEYS[2], ARGV[1]) or '0') + 1
local first = next - redis.call('LLEN', KEYS[1])
local from, limit = tonumber(ARGV[3]), tonumber(ARGV[4])
if ARGV[2] == 'tail' then from = next - limit end
if from < first then from = first end
local entries = {}
if limit > 0 and from < next then entries = redis.call('LRANGE', KEYS[1], from - first, from - first + limit - 1) end
return {first, next, from, entries}
)lua";

}  // namespace tessera::redis
