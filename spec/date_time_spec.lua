local is_date_time = require "referrals.date_time"

describe("a date-time", function()
  it("is known when it is seen", function()
    for _, good in ipairs({
      "2018-11-06T18:40:42Z", "2018-11-06T18:40:42.6Z", "2020-02-29T00:00:00Z", "2000-02-29T23:59:59.9999999Z",
    }) do
      assert.is_true(is_date_time(good), good)
    end
    for _, bad in ipairs({
      "2018-11-06", "2018-11-06T18:40:42", "2018-11-06T18:40:42+01:00", "2018-11-06 18:40:42Z", "2018-13-06T18:40:42Z",
      "2018-00-06T18:40:42Z", "2018-11-31T18:40:42Z", "2019-02-29T00:00:00Z", "1900-02-29T00:00:00Z",
      "2018-11-00T00:00:00Z", "2018-11-06T24:00:00Z", "2018-11-06T18:60:42Z", "2018-11-06T18:40:60Z",
      "2018-11-06T18:40:42.Z", "2018-11-06T18:40:42.12345678Z", "2018-11-06T18:40:42.1234567zZ", "x",
    }) do
      assert.is_false(is_date_time(bad), bad)
    end
  end)
end)
