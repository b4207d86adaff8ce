// SPDX-License-Identifier: MIT
// Groups and the other scopes: they end what they began, on every path.
#include "expect.hpp"

namespace {

void the_end_of_a_group_cancels_and_waits()
{
  copas::dispatcher d;
  int ended = 0;
  const auto kept = std::make_shared<int>(0);
  struct at_the_end {
    int &count;
    ~at_the_end() { count++; }
  };
  {
    copas::group group(d);
    for (int i = 0; i < 10; i++)
      group.addthread([&, kept] {
        const at_the_end counts{ended};
        d.pause(1h);
      });
    d.step(0s);
    for (int i = 0; i < 10; i++) group.addthread([kept] { CHECK_FAIL("it ran"); });
  }
  CHECK_NUMBER(ended, 10);
  CHECK_NUMBER(kept.use_count(), 1);
}

void join_waits_for_all()
{
  copas::dispatcher d;
  int ended = 0;
  copas::group group(d);
  for (int i = 0; i < 10; i++)
    group.addthread([&] {
      d.pause(1ms);
      ended++;
    });
  CHECK_THROWS(copas::timeout_error, group.join(0s));
  group.join(patience);
  CHECK_NUMBER(ended, 10);
  group.addthread([&] { ended++; });
  group.join();
  group.close();
  CHECK_NUMBER(ended, 11);
  CHECK_THROWS(copas::stale_error, group.join());
}

void join_rethrows_the_first_exception()
{
  reports told;
  copas::dispatcher d(told.options());
  std::error_code ec;
  copas::group group(d);
  group.addthread([] { throw std::out_of_range("the first"); });
  group.addthread([] { throw std::runtime_error("the second"); });
  CHECK_THROWS(std::out_of_range, group.join(patience));
  group.join(patience, ec);
  CHECK(ec == COPAS_FAILED);
  CHECK(group.exception() != nullptr);
  CHECK_THROWS(std::out_of_range, group.close());
  CHECK(told.tell("the first") && told.tell("the second"));
}

void a_members_timeout_is_not_the_groups()
{
  reports told;
  copas::dispatcher d(told.options());
  copas::group group(d);
  group.addthread([&] { copas::queue<int>(d).pop(0s); });
  try {
    group.join(patience);
    CHECK_FAIL("nothing was thrown");
  } catch (const copas::timeout_error &) {
    CHECK(group.exception() != nullptr);
  }
  copas::group other(d);
  other.addthread([&] { d.pause(1h); });
  CHECK_THROWS(copas::timeout_error, other.join(1ms));
  CHECK(other.exception() == nullptr);
}

void a_failure_can_cancel_the_others()
{
  reports told;
  copas::dispatcher d(told.options());
  copas::group group(d, COPAS_CANCEL_ON_FAILURE);
  bool canceled = false;
  group.addthread([&] {
    try {
      d.pause(1h);
    } catch (const copas::canceled &) {
      canceled = true;
      throw;
    }
  });
  group.addthread([] { throw 5; });
  CHECK_THROWS(int, group.join(patience));
  CHECK(canceled);
}

void a_canceled_scope_waits_for_its_group()
{
  copas::dispatcher d;
  bool inner_ended = false;
  const copas::thread_ref outer = d.addthread([&] {
    int local = 0;
    copas::group group(d);
    group.addthread([&] {
      std::error_code ec;
      d.pause(1h, ec);
      for (int i = 0; i < 1200; i++) d.pause(0s, ec);
      local++;
      inner_ended = true;
    });
    group.join();
  });
  d.step(0s);
  d.step(0s);
  outer.cancel();
  outer.join(patience);
  CHECK(inner_ended);
}

void a_group_that_ends_where_nobody_may_wait_is_canceled()
{
  copas::dispatcher d;
  bool canceled = false;
  const auto kept = std::make_shared<int>(0);
  auto group = std::make_unique<copas::group>(d);
  group->addthread([&, kept] {
    std::error_code ec;
    d.pause(1h, ec);
    canceled = ec == COPAS_CANCELED;
  });
  d.step(0s);
  group->addthread([kept] { CHECK_FAIL("it ran"); });
  d.post([&] { group.reset(); });
  while (!canceled) d.step(10ms);
  d.loop();
  CHECK_NUMBER(kept.use_count(), 1);
}

void a_group_may_outlive_its_dispatcher()
{
  const auto kept = std::make_shared<int>(0);
  copas::group group;
  {
    copas::dispatcher d;
    group = copas::group(d);
    group.addthread([kept, &d] { d.pause(1h); });
    d.step(0s);
    group.addthread([kept] { CHECK_FAIL("it ran"); });
  }
  CHECK_THROWS(copas::stale_error, group.join());
  group = copas::group();
  CHECK_NUMBER(kept.use_count(), 1);
}

void a_deadline_ends_the_waits_of_its_scope()
{
  copas::dispatcher d;
  auto [near, far] = socket_pair(d);
  {
    copas::deadline outer(d, 1h);
    copas::deadline inner(d, 1ms);
    CHECK_THROWS(copas::timeout_error, near.receive(1));
    CHECK(inner.end());
    CHECK(inner.end());
    CHECK(!outer.end());
  }
  std::error_code ec;
  far.send("x");
  CHECK_TEXT(near.receive(1, ec), "x");
  CHECK(!ec);
}

void an_alarm_rings_unless_its_scope_ends_before()
{
  copas::dispatcher d;
  int rung = 0, canceled = 0;
  d.addthread([&] {
    {
      const copas::alarm too_early(d, 5ms, [&](copas::thread_ref) { rung++; });
    }
    d.pause(20ms);
    CHECK_NUMBER(rung, 0);
    try {
      const copas::alarm cancels(d, 1ms, [&](copas::thread_ref thread) {
        rung++;
        thread.cancel();
      });
      d.pauseforever();
    } catch (const copas::canceled &) {
      canceled++;
    }
  });
  while (canceled == 0) d.step(10ms);
  CHECK_NUMBER(rung, 1);
}

void a_hold_keeps_the_loop_alive()
{
  copas::dispatcher d;
  CHECK(d.finished());
  {
    const copas::hold one(d);
    CHECK(!d.finished());
  }
  CHECK(d.finished());
}

} // namespace

int main()
{
  RUN(the_end_of_a_group_cancels_and_waits);
  RUN(join_waits_for_all);
  RUN(join_rethrows_the_first_exception);
  RUN(a_members_timeout_is_not_the_groups);
  RUN(a_failure_can_cancel_the_others);
  RUN(a_canceled_scope_waits_for_its_group);
  RUN(a_group_that_ends_where_nobody_may_wait_is_canceled);
  RUN(a_group_may_outlive_its_dispatcher);
  RUN(a_deadline_ends_the_waits_of_its_scope);
  RUN(an_alarm_rings_unless_its_scope_ends_before);
  RUN(a_hold_keeps_the_loop_alive);
  return check_report();
}
