-- wrk's script: every request another vector, a random mixture of two rows that the model knows.
-- Arguments: file of rows, seed, rows in a batch (0: single answers), template of a vector, head and tail of a batch.
local known, bodies = {}, {}
local template, head, tail, batch

local function mixture()
  local a, b, w = known[math.random(#known)], known[math.random(#known)], math.random()
  local mixed = {}
  for k = 1, #a do
    mixed[k] = w * a[k] + (1 - w) * b[k]
  end
  return string.format(template, unpack(mixed))
end

local function batch_body()
  local vectors = {}
  for n = 1, batch do
    vectors[n] = mixture()
  end
  return head .. table.concat(vectors, ",") .. tail
end

function init(args)
  for line in io.lines(args[1]) do
    local row = {}
    for number in line:gmatch("%S+") do
      row[#row + 1] = tonumber(number)
    end
    known[#known + 1] = row
  end
  math.randomseed(tonumber(args[2]))
  batch, template, head, tail = tonumber(args[3]), args[4], args[5], args[6]
  for n = 1, (batch > 0 and 10 or 0) do
    bodies[n] = batch_body()
  end
  wrk.method = "POST"
end

function request()
  return wrk.format(nil, nil, nil, batch > 0 and bodies[math.random(#bodies)] or mixture())
end

function done(summary, latency, requests)
  local e = summary.errors
  io.write(string.format(
    '\nBENCH {"answers":%d,"seconds":%.6f,"p50_ms":%.6f,"p99_ms":%.6f,"refused":%d,"broken":%d}\n',
    summary.requests, summary.duration / 1e6, latency:percentile(50) / 1e3, latency:percentile(99) / 1e3,
    e.status, e.connect + e.read + e.write + e.timeout))
end
