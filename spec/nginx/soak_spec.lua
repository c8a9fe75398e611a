-- Some thousand updates through one worker; `make soak` makes as many as wanted.
local application = require "support.app"
local jobs = require "bench.nginx.job"

describe("after thousands of updates a worker #once", function()
  for name, options in pairs { ["HTTP/1.1"] = {}, ["HTTP/2"] = { h2 = true } } do
    it("holds no more memory, descriptors or threads than before, over " .. name, function()
      local job = jobs.start(options)
      finally(function() job:stop() end)
      job:rate(3000, 64, "ours")
      local before = application.usage(job:worker())
      job:rate(3000, 64, "ours")
      local after = application.usage(job:worker())
      assert.equal(before.threads, after.threads)
      -- how many connections are kept depends on how many waited at once; a leak with each update would be 3000
      assert.is_true(after.descriptors <= before.descriptors + 64,
        ("%d descriptors, then %d"):format(before.descriptors, after.descriptors))
      -- a leak of 1 KB for each update would be 3000
      assert.is_true(after.kilobytes < before.kilobytes + 2500,
        ("%d KB, then %d"):format(before.kilobytes, after.kilobytes))
    end)
  end
end)
