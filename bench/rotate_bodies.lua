-- wrk: sends the bodies of a folder in turn, each time with another hookInstance.
--
--   wrk -s rotate_bodies.lua URL -- FOLDER [LIMIT]
--
-- FOLDER holds 1.json, 2.json, ... and, where calls are signed, tokens.txt: one token a line, each
-- used once. After LIMIT answers the load ends. The last line printed is the result as JSON.

local PLACE = "00000000-0000-4000-8000-000000000000"
local threads = {}
local answered = 0
local sent = 0

function setup(thread)
  table.insert(threads, thread)
end

function init(args)
  requests = {}
  tokens = {}
  limit = tonumber(args[2] or "0")
  wrong = 0
  local folder = args[1]
  while true do
    local file = io.open(folder .. "/" .. (#requests + 1) .. ".json", "rb")
    if not file then break end
    local body = file:read("*a")
    file:close()
    local first, last = body:find(PLACE, 1, true)
    table.insert(requests, {length = #body, before = body:sub(1, first - 1), after = body:sub(last + 1)})
  end
  local file = io.open(folder .. "/tokens.txt", "r")
  if file then
    for line in file:lines() do table.insert(tokens, line) end
    file:close()
  end
  math.randomseed(os.time())
  instance = string.format("%08x-0000-4000-8000-", math.random(0, 0x7fffffff))
end

function request()
  sent = sent + 1
  local part = requests[(sent - 1) % #requests + 1]
  local authorization = ""
  if #tokens > 0 then
    -- Beyond the last token the answers are 401 and the run is refused.
    authorization = "Authorization: Bearer " .. (tokens[sent] or "none-left") .. "\r\n"
  end
  return "POST " .. wrk.path .. " HTTP/1.1\r\nHost: " .. wrk.host .. ":" .. wrk.port ..
    "\r\nContent-Type: application/json\r\nContent-Length: " .. part.length .. "\r\n" .. authorization .. "\r\n" ..
    part.before .. instance .. string.format("%012x", sent) .. part.after
end

function response(status)
  answered = answered + 1
  if status ~= 200 then wrong = wrong + 1 end
  if answered == limit then -- wrk itself knows no end but that of its time
    print(string.format('{"requests":%d,"failed":%d,"why":"%d not 200"}', answered, wrong, wrong))
    io.stdout:flush()
    os.exit(0)
  end
end

function done(summary, latency)
  local bad = 0
  for _, thread in ipairs(threads) do bad = bad + thread:get("wrong") end
  local errors = summary.errors
  print(string.format(
    '{"requests":%d,"seconds":%.6f,"p50_ms":%.3f,"p99_ms":%.3f,"max_ms":%.3f,"failed":%d,' ..
    '"why":"%d not 200; connections: %d not made, %d broken while reading, %d while writing, %d late"}',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3,
    latency:percentile(99) / 1e3, latency.max / 1e3,
    bad + errors.connect + errors.read + errors.write + errors.timeout,
    bad, errors.connect, errors.read, errors.write, errors.timeout))
end
