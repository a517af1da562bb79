-- The rules of limit_store.py, in one step on the server: see there for what each part means.
-- KEYS: gate, crowd ends, crowd came, crowd due, crowd usual, tail, then one for each bucket.
-- ARGV: now (0: the server's time), place, spacing, grace, soon, shortest turn, usual request,
--       most, lease, ticket, keep, then amount, takes, cell and span of each bucket.
local now = tonumber(ARGV[1])
if now == 0 then
  local time = redis.call('TIME')
  now = tonumber(time[1]) * 1000000 + tonumber(time[2])
end
local place, spacing, grace = tonumber(ARGV[2]), tonumber(ARGV[3]), tonumber(ARGV[4])
local soon, shortest, usual = tonumber(ARGV[5]), tonumber(ARGV[6]), tonumber(ARGV[7])
local most, lease, ticket, keep = tonumber(ARGV[8]), tonumber(ARGV[9]), ARGV[10], tonumber(ARGV[11])
local GATE, CROWD, EVER = -1, -2, math.huge

local function text(number) return string.format('%.0f', number) end

local buckets = {}
for index = 7, #KEYS do
  local first = 12 + (index - 7) * 4
  local one = {
    key = KEYS[index], amount = tonumber(ARGV[first]), takes = tonumber(ARGV[first + 1]),
    cell = tonumber(ARGV[first + 2]), span = tonumber(ARGV[first + 3]), used = {}, kept = {},
  }
  local oldest = {u = math.floor(now / one.cell) - one.span, k = math.floor((now - grace) / one.cell)}
  local tables, gone = {u = one.used, k = one.kept}, {}
  local found = redis.call('HGETALL', one.key)
  for at = 1, #found, 2 do
    local kind, cell = string.sub(found[at], 1, 1), tonumber(string.sub(found[at], 2))
    if cell < oldest[kind] then
      gone[#gone + 1] = found[at]
    else
      tables[kind][cell] = tonumber(found[at + 1])
    end
  end
  for from = 1, #gone, 1000 do
    redis.call('HDEL', one.key, unpack(gone, from, math.min(from + 999, #gone)))
  end
  buckets[#buckets + 1] = one
end

local function cell_of(bucket, at) return math.floor(at / bucket.cell) end

local function note(bucket, kind, cell, load)
  local cells = kind == 'u' and bucket.used or bucket.kept
  cells[cell] = (cells[cell] or 0) + load
  redis.call('HINCRBY', bucket.key, kind .. text(cell), load)
end

local function lasts(key, until_)
  redis.call('PEXPIRE', key, text((math.max(until_ - now, 0) + keep) / 1000))
end

local function first_fit(bucket, loads, last, at)
  local start = cell_of(bucket, at)
  local found, cell, total = start, start, 0
  for one = start - bucket.span + 1, start - 1 do total = total + (loads[one] or 0) end
  local room = bucket.amount - bucket.takes
  while cell < found + bucket.span and (cell <= last or total > room) do
    total = total + (loads[cell] or 0)
    if total > room then found = cell + 1 end
    total = total - (loads[cell - bucket.span + 1] or 0)
    cell = cell + 1
  end
  if found == start then return at end
  return found * bucket.cell
end

local function fit(at, up_to)
  local all, lasts_at = {}, {}
  for index, bucket in ipairs(buckets) do
    local loads, last = {}, 0
    for cell, load in pairs(bucket.used) do
      loads[cell] = load
      last = math.max(last, cell)
    end
    for cell, load in pairs(bucket.kept) do
      if cell * bucket.cell <= up_to then
        loads[cell] = (loads[cell] or 0) + load
        last = math.max(last, cell)
      end
    end
    all[index], lasts_at[index] = loads, last
  end
  local by, before = 0, -1
  while before ~= at do
    before = at
    for index, bucket in ipairs(buckets) do
      local fits = first_fit(bucket, all[index], lasts_at[index], at)
      if fits > at then by = index - 1 end
      at = fits
    end
  end
  return at, by
end

local open_from = math.max(now, tonumber(redis.call('GET', KEYS[1]) or 0))
local kept = #buckets > 0
for _, bucket in ipairs(buckets) do
  kept = kept and (bucket.kept[cell_of(bucket, place)] or 0) >= bucket.takes
end
if kept and place > open_from then return {text(place - now), text(place), 0} end

if most > 0 then
  redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', text(now))
  for _, one in ipairs(redis.call('ZRANGEBYSCORE', KEYS[4], '-inf', text(now - grace))) do
    redis.call('ZREM', KEYS[3], one)
    redis.call('ZREM', KEYS[4], one)
  end
  local mine = tonumber(redis.call('ZSCORE', KEYS[3], ticket) or now)
  local before, due_soon = 0, 0
  for _, one in ipairs(redis.call('ZRANGEBYSCORE', KEYS[3], '-inf', '(' .. text(mine))) do
    if one ~= ticket then
      before = before + 1
      if tonumber(redis.call('ZSCORE', KEYS[4], one) or 0) <= now + soon then
        due_soon = due_soon + 1
      end
    end
  end
  if most - redis.call('ZCARD', KEYS[2]) <= due_soon then
    local seen = tonumber(redis.call('GET', KEYS[5]) or usual)
    local wait = math.max(shortest, math.floor(seen * (before + 1) / most))
    redis.call('ZADD', KEYS[3], text(mine), ticket)
    redis.call('ZADD', KEYS[4], text(now + wait), ticket)
    lasts(KEYS[3], now + wait)
    lasts(KEYS[4], now + wait)
    return {text(wait), text(place), CROWD}
  end
end

local function leave_line()
  if most > 0 then
    redis.call('ZREM', KEYS[3], ticket)
    redis.call('ZREM', KEYS[4], ticket)
  end
end

local has_waited = place > 0 and place <= now
for _, bucket in ipairs(buckets) do
  local cell = cell_of(bucket, place)
  if place > 0 and (bucket.kept[cell] or 0) >= bucket.takes then
    note(bucket, 'k', cell, -bucket.takes)
  end
end
local tail = tonumber(redis.call('GET', KEYS[6]) or 0)
local behind = math.max(open_from, tail > 0 and tail + spacing or 0)
local wanted = has_waited and open_from or behind
if wanted == now and fit(now, has_waited and -1 or EVER) == now then
  for _, bucket in ipairs(buckets) do
    note(bucket, 'u', cell_of(bucket, now), bucket.takes)
    lasts(bucket.key, math.max(now, tail))
  end
  leave_line()
  if most > 0 then
    redis.call('ZADD', KEYS[2], text(now + lease), ticket)
    lasts(KEYS[2], now + lease)
  end
  return {'0', '0', 0}
end
local on_time = has_waited and open_from == now and now <= place + grace
local at, by = fit(on_time and now or behind, on_time and place or EVER)
for _, bucket in ipairs(buckets) do
  note(bucket, 'k', cell_of(bucket, at), bucket.takes)
  lasts(bucket.key, math.max(at, tail))
end
if not on_time then
  redis.call('SET', KEYS[6], text(math.max(tail, at)))
  lasts(KEYS[6], math.max(tail, at))
end
leave_line()
if at == open_from and not on_time then by = GATE end
return {text(at - now), text(at), by}
