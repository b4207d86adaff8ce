// SPDX-License-Identifier: MIT
// Errors: exceptions, their twins with a std::error_code, and cancellation.
#include "expect.hpp"

namespace {

void an_error_tells_status_errno_and_text()
{
  copas::dispatcher d;
  const copas::socket first = d.bind("127.0.0.1", 0);
  try {
    const copas::socket second = d.bind("127.0.0.1", first.getsockname().port());
    CHECK_FAIL("a port was bound twice");
  } catch (const copas::error &failure) {
    CHECK_STATUS(failure.status(), COPAS_SYSTEM);
    CHECK_NUMBER(failure.sys_errno(), EADDRINUSE);
    CHECK(strstr(failure.what(), "127.0.0.1") != nullptr);
    CHECK(failure.code() == COPAS_SYSTEM);
  }
}

void a_twin_sets_its_code_and_throws_nothing()
{
  copas::dispatcher d;
  std::error_code ec = std::make_error_code(std::errc::io_error);
  const copas::socket server = d.bind("127.0.0.1", 0, ec);
  CHECK(!ec && server);
  const copas::socket none = d.bind("127.0.0.1", server.getsockname().port(), ec);
  CHECK(ec == COPAS_SYSTEM && !none);
  CHECK_STATUS(d.error().status, COPAS_SYSTEM);
  CHECK_NUMBER(d.error().sys_errno, EADDRINUSE);
  CHECK(!d.error().text.empty());
  CHECK_TEXT(ec.category().name(), "copas");
  CHECK_TEXT(ec.message(), copas_status_message(COPAS_SYSTEM));
}

void each_status_that_users_catch_has_a_type()
{
  copas::dispatcher d;
  auto [near, far] = socket_pair(d);
  near.settimeout(0s);
  CHECK_THROWS(copas::timeout_error, near.receive(1));
  near.setlimits(10, 0);
  far.send(std::string(100, 'x'));
  CHECK_THROWS(copas::too_long_error, near.receive(COPAS_LINE));
  near.receive_some();
  far.close();
  CHECK_THROWS(copas::closed_error, near.receive(1));
  CHECK_THROWS(copas::stale_error, far.send("x"));
  CHECK_THROWS(copas::unresolved_error, d.resolve("no.such.name.invalid", patience));
  int port = 0;
  ::close(net_listen(1, &port));
  CHECK_THROWS(copas::refused_error, d.connect("127.0.0.1", port, patience));
  const copas::queue<int> queue(d);
  queue.stop();
  CHECK_THROWS(copas::stopped_error, queue.pop());
}

void codes_compare_with_the_conditions_of_std()
{
  CHECK(std::error_code(COPAS_TIMEOUT) == std::errc::timed_out);
  CHECK(std::error_code(COPAS_CANCELED) == std::errc::operation_canceled);
  CHECK(std::error_code(COPAS_REFUSED) == std::errc::connection_refused);
  CHECK(std::error_code(COPAS_CLOSED) != std::errc::timed_out);
  CHECK(!std::error_code(COPAS_OK));
}

void a_copy_of_an_error_keeps_its_text()
{
  static_assert(std::is_nothrow_copy_constructible_v<copas::error>);
  static_assert(!std::is_base_of_v<std::exception, copas::canceled>);
  std::exception_ptr kept;
  try {
    copas::dispatcher().native();
    copas_cpp::detail::throw_error(COPAS_TIMEOUT, 7, "a text");
  } catch (const copas::error &failure) {
    kept = std::make_exception_ptr(failure);
  }
  try {
    std::rethrow_exception(kept);
  } catch (const copas::error &failure) {
    CHECK_TEXT(failure.what(), "a text");
    CHECK_NUMBER(failure.sys_errno(), 7);
  }
}

void a_catch_of_std_exception_does_not_eat_a_cancellation()
{
  reports told;
  copas::dispatcher d(told.options());
  bool eaten = false, cleaned = false;
  struct cleanup {
    bool &done;
    ~cleanup() { done = true; }
  };
  const copas::thread_ref thread = d.addthread([&] {
    const cleanup at_the_end{cleaned};
    for (;;) {
      try {
        d.pause(1h);
      } catch (const std::exception &) {
        eaten = true;
      }
    }
  });
  d.step(0s);
  thread.cancel();
  thread.join(patience);
  CHECK(cleaned && !eaten);
  CHECK(told.texts.empty());
}

void a_twin_tells_of_a_cancellation()
{
  copas::dispatcher d;
  std::error_code ec;
  const copas::thread_ref thread = d.addthread([&] { d.pause(1h, ec); });
  d.step(0s);
  thread.cancel();
  thread.join(patience);
  CHECK(ec == COPAS_CANCELED);
}

template <class Body> void expect_report(std::string_view text, Body body)
{
  reports told;
  copas::dispatcher d(told.options());
  bool goes_on = false;
  d.addthread(std::move(body));
  d.addthread([&] {
    d.pause(1ms);
    goes_on = true;
  });
  d.loop();
  CHECK(goes_on);
  CHECK_NUMBER(told.texts.size(), 1);
  if (!told.tell(text)) CHECK_FAIL("\"%s\" was reported", told.texts[0].c_str());
}

void an_exception_that_leaves_a_coroutine_is_its_failure()
{
  expect_report("the reason", [] { throw std::runtime_error("the reason"); });
  expect_report("no std::exception", [] { throw 7; });
  expect_report("nothing listens", [] { copas_cpp::detail::raise(COPAS_REFUSED, nullptr); });
}

void a_text_with_a_nul_inside_is_refused()
{
  copas::dispatcher d;
  std::error_code ec;
  const std::string_view sly("127.0.0.1\0.example", 18);
  CHECK_THROWS(copas::error, d.connect(sly, 80));
  d.connect(sly, 80, copas::forever, ec);
  CHECK(ec == COPAS_INVALID);
  CHECK(!d.addthread([] { CHECK_FAIL("it ran"); }, {sly}, ec));
  CHECK(ec == COPAS_INVALID);
}

void a_dispatcher_that_cannot_be_made_says_why()
{
  copas::dispatcher_options options;
  options.stack_size = 1;
  CHECK_THROWS(copas::error, copas::dispatcher(std::move(options)));
  copas::dispatcher_options again;
  again.stack_size = 1;
  std::error_code ec;
  const copas::dispatcher none(std::move(again), ec);
  CHECK(ec == COPAS_INVALID && !none);
}

} // namespace

int main()
{
  RUN(an_error_tells_status_errno_and_text);
  RUN(a_twin_sets_its_code_and_throws_nothing);
  RUN(each_status_that_users_catch_has_a_type);
  RUN(codes_compare_with_the_conditions_of_std);
  RUN(a_copy_of_an_error_keeps_its_text);
  RUN(a_catch_of_std_exception_does_not_eat_a_cancellation);
  RUN(a_twin_tells_of_a_cancellation);
  RUN(an_exception_that_leaves_a_coroutine_is_its_failure);
  RUN(a_text_with_a_nul_inside_is_refused);
  RUN(a_dispatcher_that_cannot_be_made_says_why);
  return check_report();
}
