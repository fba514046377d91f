-- Takes a batch of claims. Each key is a hash, one counter: 'base', what was used before anybody held anything; 'held' and
-- 'spent', sums over all holders; and a field a holder, '=' and its name: "sequence units spent".
--
-- Each claim has nine of ARGV: the holder, the sequence of the claim, units, least, spent, limit, base, for how many
-- milliseconds the counter is to be kept, and the others as the holder knows them, "name spent name spent". Answers with
-- one list a claim: units, left, spent; and, for a key that ends in '$', each of the others and what it spent.
local answers = {}

local function entry(text)
  if not text then return 0, 0, 0 end
  local sequence, units, spent = string.match(text, '^(%d+) (%d+) (%d+)$')
  return tonumber(sequence), tonumber(units), tonumber(spent)
end

local function text(...)
  local parts = {}
  for index, number in ipairs({...}) do parts[index] = string.format('%.0f', number) end
  return table.concat(parts, ' ')
end

for index, key in ipairs(KEYS) do
  local at = (index - 1) * 9
  local holder = '=' .. ARGV[at + 1]
  local sequence, units, least = tonumber(ARGV[at + 2]), tonumber(ARGV[at + 3]), tonumber(ARGV[at + 4])
  local spent, limit, base = tonumber(ARGV[at + 5]), tonumber(ARGV[at + 6]), tonumber(ARGV[at + 7])
  local life, told = ARGV[at + 8], ARGV[at + 9]

  if redis.call('EXISTS', key) == 0 then
    local sum = 0
    for name, amount in string.gmatch(told, '(%S+) (%d+)') do
      sum = sum + tonumber(amount)
      redis.call('HSET', key, '=' .. name, text(0, tonumber(amount), tonumber(amount)))
    end
    redis.call('HSET', key, 'base', text(base), 'held', text(sum), 'spent', text(sum))
  end

  local found = redis.call('HMGET', key, 'base', 'held', 'spent', holder)
  local known, held, used = tonumber(found[1]), tonumber(found[2]), tonumber(found[3])
  local last, mine, settled = entry(found[4])

  if sequence > last then
    local others = known + held - mine
    local free = math.max(limit - others, 0)
    local now = mine
    if units <= mine then
      now = units
    elseif free >= least then
      now = math.max(math.min(units, free), mine)
    end
    now = math.max(now, spent)
    held, used = held - mine + now, used - settled + spent
    mine = now
    redis.call('HSET', key, 'held', text(held), 'spent', text(used), holder, text(sequence, mine, spent))
  end
  redis.call('PEXPIRE', key, life)

  local answer = { text(mine), text(math.max(limit - known - held, 0)), text(known + used) }
  if string.sub(key, -1) == '$' then
    local fields = redis.call('HGETALL', key)
    for field = 1, #fields, 2 do
      if string.sub(fields[field], 1, 1) == '=' and fields[field] ~= holder then
        local _, _, amount = entry(fields[field + 1])
        table.insert(answer, string.sub(fields[field], 2))
        table.insert(answer, text(amount))
      end
    end
  end
  answers[index] = answer
end
return answers
