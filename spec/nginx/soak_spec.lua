-- Some thousand updates through one worker; `make soak` makes as many as wanted.
local application = require "support.app"
local jobs = require "bench.nginx.job"

describe("after thousands of updates a worker #once", function()
  for name, options in pairs { ["HTTP/1.1"] = {}, ["HTTP/2"] = { h2 = true } } do
    it("holds no more memory, descriptors or threads than before, over " .. name, function()
      local job = jobs.start(options)
      finally(function() job:stop() end)
      job:rate(3000, 64, "ours")
      local before
      local after, rounds = application.usage(job:worker()), 0
      repeat -- how many connections are kept depends on how many ever waited at once; a leak goes on in each round
        rounds, before = rounds + 1, after
        job:rate(3000, 64, "ours")
        after = application.usage(job:worker())
      until rounds == 4 or after.descriptors <= before.descriptors + 4
      assert.equal(before.threads, after.threads)
      assert.is_true(after.descriptors <= before.descriptors + 4,
        ("%d descriptors, then %d"):format(before.descriptors, after.descriptors))
      -- a leak of 1 KB for each update would be 3000
      assert.is_true(after.kilobytes < before.kilobytes + 2500,
        ("%d KB, then %d"):format(before.kilobytes, after.kilobytes))
    end)
  end
end)
