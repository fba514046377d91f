-- Takes a batch of claims. Each key is a hash, one counter: 'base', what was used before anybody held anything; 'again', what
-- of it a holder may bring that has no field; 'held' and 'spent', sums over all holders; and a field a holder, '=' and its
-- name: "sequence units spent heard", the last in seconds since 1970. Of places among the calls at one time, 'asked' and
-- 'since' are when anybody was heard last, and since when somebody always was.
--
-- Each claim has eleven of ARGV: the holder, the sequence of the claim, units, least, spent, how much of that was noted before,
-- limit, base, '1' if that may have parts of holders, for how many milliseconds the counter is to be kept, and the others
-- as the holder knows them, "name spent name spent". Answers with one list a claim: units, left, spent; and, for a key
-- that ends in '$', each of the others and what it spent.
local ARGUMENTS = 11
-- After how many seconds a holder of money becomes a part of the base that holds nothing, and any.
local RESTS, GONE = 3600, 86400
-- After how many seconds a holder of places holds nothing, and after how many without anybody that time begins anew, since
-- holders that could not be heard are no dead ones; and after how many it holds nothing in any case: of a counter that is
-- asked for seldom nobody is heard often.
local LAPSES, SILENT, LOST = 60, 20, 600

local answers = {}
local now = tonumber(redis.call('TIME')[1])

local function entry(text)
  if not text then return 0, 0, 0, now end
  local sequence, units, spent, heard = string.match(text, '^(%d+) (%d+) (%d+) (%d+)$')
  return tonumber(sequence), tonumber(units), tonumber(spent), tonumber(heard)
end

local function text(...)
  local parts = {}
  for index, number in ipairs({...}) do parts[index] = string.format('%.0f', number) end
  return table.concat(parts, ' ')
end

-- The others that hold something of a counter: lists of field, units, spent, and when it was heard.
local function others_of(key, holder)
  local fields, others = redis.call('HGETALL', key), {}
  for at = 1, #fields, 2 do
    if string.sub(fields[at], 1, 1) == '=' and fields[at] ~= holder then
      local _, units, spent, heard = entry(fields[at + 1])
      table.insert(others, { fields[at], units, spent, heard })
    end
  end
  return others
end

for index, key in ipairs(KEYS) do
  local at = (index - 1) * ARGUMENTS
  local holder = '=' .. ARGV[at + 1]
  local sequence, units, least = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local spent, noted = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6])
  local limit, base, has_holders = tonumber(ARGV[at + 7]), tonumber(ARGV[at + 8]), ARGV[at + 9] == '1'
  local life, told = ARGV[at + 10], ARGV[at + 11]

  if redis.call('EXISTS', key) == 0 then
    local sum = 0
    for name, amount in string.gmatch(told, '(%S+) (%d+)') do
      sum = sum + tonumber(amount)
      redis.call('HSET', key, '=' .. name, text(0, tonumber(amount), tonumber(amount), now))
    end
    local again = has_holders and math.max(base, 0) or 0
    redis.call('HSET', key, 'base', text(base), 'again', text(again), 'held', text(sum), 'spent', text(sum))
  end

  local found = redis.call('HMGET', key, 'base', 'again', 'held', 'spent', holder)
  local known, again = tonumber(found[1]), tonumber(found[2])
  local held, used = tonumber(found[3]), tonumber(found[4])
  local last, mine, settled = entry(found[5])
  if not found[5] then
    local brought = math.min(noted, again)
    known, again = known - brought, again - brought
  end

  if string.sub(key, -9) == ':parallel' then
    local times = redis.call('HMGET', key, 'asked', 'since')
    local asked, since = tonumber(times[1] or now), tonumber(times[2] or now)
    if now - asked > SILENT then since = now end
    redis.call('HSET', key, 'asked', text(now), 'since', text(since))
    for _, other in ipairs(others_of(key, holder)) do
      local field, units, amount, heard = unpack(other)
      if now - math.max(heard, since) > LAPSES or now - heard > LOST then
        redis.call('HDEL', key, field)
        held, used = held - units, used - amount
      end
    end
  end

  if sequence > last then
    local others = known + held - mine
    local free = math.max(limit - others, 0)
    local takes = mine
    if units <= mine then
      takes = units
    elseif free >= least then
      takes = math.max(math.min(units, free), mine)
    end
    takes = math.max(takes, spent)
    held, used = held - mine + takes, used - settled + spent
    mine = takes
    redis.call('HSET', key, holder, text(sequence, mine, spent, now))
  end

  local answer = { '', '', '' }
  if string.sub(key, -1) == '$' then
    for _, other in ipairs(others_of(key, holder)) do
      local field, of_other, amount, heard = unpack(other)
      if now - heard > GONE or (of_other == amount and now - heard > RESTS) then
        redis.call('HDEL', key, field)
        known, again = known + amount, again + amount
        held, used = held - of_other, used - amount
      else
        table.insert(answer, string.sub(field, 2))
        table.insert(answer, text(amount))
      end
    end
  end
  redis.call('HSET', key, 'base', text(known), 'again', text(again), 'held', text(held), 'spent', text(used))
  redis.call('PEXPIRE', key, life)

  answer[1], answer[2], answer[3] = text(mine), text(math.max(limit - known - held, 0)), text(known + used)
  answers[index] = answer
end
return answers
