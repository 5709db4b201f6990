-- Requests for wrk: a line of the file for each, method, path and body; no line twice (bench/load.py writes the file).
local requests = {}
local at = 0

function init(args)
   for line in io.lines(args[1]) do requests[#requests + 1] = line end
   key, run = args[2], args[3]
end

function request()
   at = at + 1
   local line = requests[at]
   if line == nil then
      wrk.thread:stop()
      return wrk.format("GET", "/health/live")
   end
   local method, path, body = line:match("^(%S+) (%S+) ?(.*)$")
   return wrk.format(method, path, {
      ["Authorization"] = "Bearer " .. key,
      ["Content-Type"] = "application/json",
      ["Idempotency-Key"] = run .. "-" .. at,
   }, body)
end

function done(summary, latency)
   io.write(string.format('{"requests": %d, "microseconds": %d, "p50": %f, "p95": %f, "refused": %d, "broken": %d}\n',
      summary.requests, summary.duration, latency:percentile(50), latency:percentile(95), summary.errors.status,
      summary.errors.connect + summary.errors.read + summary.errors.write + summary.errors.timeout))
end
