/* SPDX-License-Identifier: MIT */
/* What coroutines use of their stacks: marks of single ones and of names, from the kernel's page map; and
 * overflows, which are told with the coroutine's name. */
#include "check.h"

#include <alloca.h>
#include <signal.h>
#include <stdint.h>
#include <sys/resource.h>
#include <sys/wait.h>
#include <ucontext.h>

enum { KB = 1024, STACK = 256 * KB, PAGE = 4 * KB };

static copas *c;

static copas *dispatcher(uint64_t flags)
{
  copas_config config;
  memset(&config, 0, sizeof config);
  config.size = sizeof config;
  config.flags = flags;
  copas *made = copas_new(&config);
  CHECK(made != NULL);
  return made;
}

static copas_thread *add(void (*body)(void *), void *user, const char *name, size_t stack_size,
                         uint64_t flags)
{
  copas_thread_options options;
  copas_thread *thread;
  memset(&options, 0, sizeof options);
  options.size = sizeof options;
  options.flags = flags;
  options.name = name;
  options.user = user;
  options.stack_size = stack_size;
  CHECK_OK(copas_addthread_with(c, body, &options, &thread));
  return thread;
}

/* Uses `bytes` of the stack below it, all of them. */
static void __attribute__((noinline)) use_stack(size_t bytes)
{
  volatile char *memory = alloca(bytes);
  for (size_t i = 0; i < bytes; i += 512) memory[i] = 1;
}

/* What the coroutine that calls has used. */
static size_t own_use(void)
{
  size_t used, size;
  CHECK_OK(copas_thread_stack_used(copas_running(), &used, &size));
  CHECK_NUMBER(size, STACK);
  CHECK(used <= size && used % PAGE == 0);
  return used;
}

/* A mark is what was used, and the library's own frames: the more in a build without optimisation. */
static void check_mark(size_t used, size_t wanted)
{
  if (used < wanted || used > wanted + 32 * KB)
    CHECK_FAIL("%zu bytes are told, %zu were used", used, wanted);
}

static void grow(void *user)
{
  (void)user;
  check_mark(own_use(), 0);
  use_stack(100 * KB);
  check_mark(own_use(), 100 * KB);
  use_stack(20 * KB);
  check_mark(own_use(), 100 * KB);
  use_stack(200 * KB);
  check_mark(own_use(), 200 * KB);
}

static void a_mark_is_the_deepest_use_of_a_stack(void)
{
  c = dispatcher(0);
  add(grow, NULL, NULL, 0, 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_free(c));
}

static void park(void *user)
{
  use_stack((size_t)(uintptr_t)user);
  copas_pauseforever(c);
}

static void the_mark_of_another_coroutine_is_told(void)
{
  size_t used;
  c = dispatcher(0);
  copas_thread *parked = add(park, (void *)(uintptr_t)(50 * KB), NULL, 0, 0);
  CHECK_OK(copas_thread_stack_used(parked, &used, NULL));
  check_mark(used, 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_OK(copas_thread_stack_used(parked, &used, NULL));
  check_mark(used, 50 * KB);
  CHECK_OK(copas_removethread(parked));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(copas_thread_stack_used(parked, &used, NULL), COPAS_STALE);
  CHECK_STATUS(copas_thread_stack_used(NULL, &used, NULL), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void go_deep(void *user)
{
  use_stack((size_t)(uintptr_t)user);
}

static void tell_use(void *user)
{
  *(size_t *)user = own_use();
}

/* Without marks a stack that is used again shows what ran there before; with them it does not. */
static void with_marks_a_stack_that_is_used_again_begins_anew(void)
{
  size_t used;
  c = dispatcher(0);
  add(go_deep, (void *)(uintptr_t)(150 * KB), NULL, 0, 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  add(tell_use, &used, NULL, 0, 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  check_mark(used, 150 * KB);
  CHECK_OK(copas_free(c));

  c = dispatcher(COPAS_STACK_MARKS);
  add(go_deep, (void *)(uintptr_t)(150 * KB), NULL, 0, 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  add(tell_use, &used, NULL, 0, 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  check_mark(used, 0);
  CHECK_OK(copas_free(c));
}

static void check_name(const copas_stack_mark *mark, const char *name, size_t used, uint64_t ended)
{
  if (strcmp(mark->name, name) != 0) CHECK_FAIL("the mark is of %s, not %s", mark->name, name);
  check_mark(mark->used, used);
  CHECK_NUMBER(mark->size, STACK);
  CHECK_NUMBER(mark->ended, ended);
}

static void marks_are_kept_by_name(void)
{
  copas_stack_mark marks[4];
  c = dispatcher(COPAS_STACK_MARKS);
  CHECK_NUMBER(copas_stack_marks(c, NULL, 0), 0);
  for (int i = 1; i <= 3; i++) add(go_deep, (void *)(uintptr_t)(i * 30 * KB), NULL, 0, 0);
  add(go_deep, (void *)(uintptr_t)(180 * KB), "deep_7", 0, 0);
  add(go_deep, (void *)(uintptr_t)(10 * KB), "deep_8", 0, 0);
  copas_thread *parked = add(park, (void *)(uintptr_t)(40 * KB), "parked", 0, 0);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(copas_stack_marks(c, marks, 4), 3);
  check_name(&marks[0], "deep", 180 * KB, 2);
  check_name(&marks[1], "thread", 90 * KB, 3);
  check_name(&marks[2], "parked", 40 * KB, 0);
  CHECK_NUMBER(copas_stack_marks(c, marks, 1), 3);
  CHECK_OK(copas_removethread(parked));
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_NUMBER(copas_stack_marks(c, marks, 4), 3);
  check_name(&marks[2], "parked", 40 * KB, 1);
  CHECK_STATUS(copas_stack_marks(c, NULL, 1), COPAS_INVALID);
  CHECK_STATUS(copas_stack_marks(c, marks, -1), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

/* Those that name each coroutine anew do not fill the memory. */
static void names_beyond_the_most_are_others(void)
{
  enum { NAMES = 1100, MOST = 1024 };
  copas_stack_mark *marks = calloc(NAMES, sizeof *marks);
  char name[32];
  uint64_t others = 0;
  c = dispatcher(COPAS_STACK_MARKS);
  for (int i = 0; i < NAMES; i++) {
    snprintf(name, sizeof name, "name %d", i);
    add(go_deep, NULL, name, 0, 0);
    CHECK_OK(copas_loop(c, COPAS_FOREVER));
  }
  CHECK_NUMBER(copas_stack_marks(c, marks, NAMES), MOST + 1);
  for (int i = 0; i < MOST + 1; i++)
    if (strcmp(marks[i].name, "(others)") == 0) others = marks[i].ended;
  CHECK_NUMBER(others, NAMES - MOST);
  CHECK_OK(copas_free(c));
  free(marks);
}

static void without_marks_there_are_none_of_names(void)
{
  copas_stack_mark mark;
  c = dispatcher(0);
  CHECK_STATUS(copas_stack_marks(c, &mark, 1), COPAS_INVALID);
  CHECK_OK(copas_free(c));
}

static void ask_on_an_os_thread(void *user)
{
  size_t used;
  *(int *)user = copas_thread_stack_used(copas_running(), &used, NULL);
}

static void the_stacks_of_os_threads_have_no_marks(void)
{
  int status = 0;
  copas_stack_mark mark;
  c = dispatcher(COPAS_STACK_MARKS);
  add(ask_on_an_os_thread, &status, NULL, 0, COPAS_OS_THREAD);
  CHECK_OK(copas_loop(c, COPAS_FOREVER));
  CHECK_STATUS(status, COPAS_UNSUPPORTED);
  CHECK_NUMBER(copas_stack_marks(c, &mark, 1), 0);
  CHECK_OK(copas_free(c));
}

/* The last frame's address, so that the compiler does not make a loop of it. */
static void *volatile depth;

static void recurse(void *user)
{
  volatile char frame[256];
  frame[0] = user != NULL;
  depth = (void *)frame;
  if (depth != NULL) recurse(user);
  frame[1] = 1;
}

/* A frame that is larger than what is left: the compiler touches each page of it in turn. */
static void take_too_much(void *user)
{
  volatile char *memory = alloca(STACK + 100 * KB + (size_t)(user != NULL));
  memory[0] = 1;
  depth = (void *)memory;
}

static volatile uintptr_t nowhere = 8;

static void touch_nothing_mapped(void *user)
{
  (void)user;
  *(volatile int *)nowhere = 1;
}

/* What a child's end is to be like. */
struct fate {
  void (*body)(void *);
  void (*prepare)(void);
  int signal; /* or: */
  int code;
  const char *told; /* NULL: nothing */
};

static void be_the_child(const struct fate *fate)
{
  const struct rlimit no_core = {0, 0};
  setrlimit(RLIMIT_CORE, &no_core);
  c = dispatcher(0);
  if (fate->prepare != NULL) fate->prepare();
  CHECK_OK(copas_install_overflow_handler());
  CHECK_OK(copas_install_overflow_handler());
  add(fate->body, NULL, "the deep one", 128 * KB, 0);
  copas_loop(c, COPAS_FOREVER);
  _exit(99);
}

static void check_fate(const struct fate *fate)
{
  int pipes[2], status;
  char text[1024];
  size_t len = 0;
  ssize_t got;
  CHECK(pipe(pipes) == 0);
  pid_t child = fork();
  if (child == 0) {
    dup2(pipes[1], 2);
    close(pipes[0]);
    alarm(CHECK_DEADLINE);
    be_the_child(fate);
  }
  close(pipes[1]);
  while ((got = read(pipes[0], text + len, sizeof text - 1 - len)) > 0) len += (size_t)got;
  text[len] = 0;
  close(pipes[0]);
  CHECK(waitpid(child, &status, 0) == child);
  if (strcmp(text, fate->told == NULL ? "" : fate->told) != 0) CHECK_FAIL("it told: %s", text);
  if (fate->signal != 0) CHECK(WIFSIGNALED(status) && WTERMSIG(status) == fate->signal);
  else CHECK(WIFEXITED(status) && WEXITSTATUS(status) == fate->code);
}

#define TOLD                                                                                       \
  "copas: coroutine the deep one has overflowed its stack of 131072 bytes: raise its stack_size, " \
  "or use less of it\n"

static int a_tool_takes_faults(void)
{
  if (!check_small()) return 0;
  SKIP("a tool looks at memory faults itself");
  return 1;
}

static void an_overflow_by_recursion_is_told(void)
{
  if (a_tool_takes_faults()) return;
  const struct fate fate = {recurse, NULL, SIGSEGV, 0, TOLD};
  check_fate(&fate);
}

static void an_overflow_by_alloca_is_told(void)
{
  if (a_tool_takes_faults()) return;
  const struct fate fate = {take_too_much, NULL, SIGSEGV, 0, TOLD};
  check_fate(&fate);
}

static void another_fault_is_not_told(void)
{
  if (a_tool_takes_faults()) return;
  const struct fate fate = {touch_nothing_mapped, NULL, SIGSEGV, 0, NULL};
  check_fate(&fate);
}

/* The handler that was there before, on the overflow's own context: the fault is not far below the last
 * frame, and the interrupted stack pointer is in the same stack. */
static void note_the_place(int number, siginfo_t *info, void *context)
{
  uintptr_t fault = (uintptr_t)info->si_addr, frame = (uintptr_t)depth;
#ifdef __x86_64__
  uintptr_t sp = (uintptr_t)((ucontext_t *)context)->uc_mcontext.gregs[REG_RSP];
#else
  uintptr_t sp = (uintptr_t)((ucontext_t *)context)->uc_mcontext.sp;
#endif
  int near = fault < frame && frame - fault < 8 * PAGE && sp < frame && frame - sp < 8 * PAGE;
  _exit(number == SIGSEGV && near ? 42 : 43);
}

static void handle_before(void)
{
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_sigaction = note_the_place;
  action.sa_flags = SA_SIGINFO;
  CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
}

static void the_handler_that_was_there_before_is_called(void)
{
  if (a_tool_takes_faults()) return;
  const struct fate fate = {recurse, handle_before, 0, 42, TOLD};
  check_fate(&fate);
}

static void note_simply(int number)
{
  _exit(number == SIGSEGV ? 44 : 45);
}

static void handle_simply_before(void)
{
  signal(SIGSEGV, note_simply);
}

static void a_handler_without_information_is_called_too(void)
{
  if (a_tool_takes_faults()) return;
  const struct fate deep = {recurse, handle_simply_before, 0, 44, TOLD};
  const struct fate other = {touch_nothing_mapped, handle_simply_before, 0, 44, NULL};
  check_fate(&deep);
  check_fate(&other);
}

/* Returns: the fault is repeated, and meets what the flag asks for. */
static void note_once(int number)
{
  static const char text[] = "once\n";
  if (number == SIGSEGV && write(2, text, sizeof text - 1) < 0) _exit(47);
}

static void handle_once_before(void)
{
  struct sigaction action;
  memset(&action, 0, sizeof action);
  action.sa_handler = note_once;
  action.sa_flags = (int)SA_RESETHAND;
  CHECK(sigaction(SIGSEGV, &action, NULL) == 0);
}

static void a_handler_for_one_time_is_called_once(void)
{
  if (a_tool_takes_faults()) return;
  const struct fate fate = {touch_nothing_mapped, handle_once_before, SIGSEGV, 0, "once\n"};
  check_fate(&fate);
}

static void send_it_to_itself(void *user)
{
  (void)user;
  raise(SIGSEGV);
  _exit(46);
}

static void a_signal_that_was_sent_does_what_it_did_before(void)
{
  if (a_tool_takes_faults()) return;
  const struct fate ended = {send_it_to_itself, NULL, SIGSEGV, 0, NULL};
  const struct fate handled = {send_it_to_itself, handle_simply_before, 0, 44, NULL};
  check_fate(&ended);
  check_fate(&handled);
}

static copas_status add_a_deep_one(copas *made, int number, void *user)
{
  (void)user;
  c = made;
  if (number == 1) add(recurse, NULL, "the deep one", 128 * KB, 0);
  return COPAS_OK;
}

static void overflow_on_another_os_thread(void)
{
  CHECK_OK(copas_install_overflow_handler());
  (void)copas_loop_many(2, add_a_deep_one, NULL, NULL);
}

static void an_overflow_on_another_os_thread_is_told(void)
{
  if (a_tool_takes_faults()) return;
  const struct fate fate = {recurse, overflow_on_another_os_thread, SIGSEGV, 0, TOLD};
  check_fate(&fate);
}

int main(void)
{
  RUN(a_mark_is_the_deepest_use_of_a_stack);
  RUN(the_mark_of_another_coroutine_is_told);
  RUN(with_marks_a_stack_that_is_used_again_begins_anew);
  RUN(marks_are_kept_by_name);
  RUN(names_beyond_the_most_are_others);
  RUN(without_marks_there_are_none_of_names);
  RUN(the_stacks_of_os_threads_have_no_marks);
  RUN(an_overflow_by_recursion_is_told);
  RUN(an_overflow_by_alloca_is_told);
  RUN(another_fault_is_not_told);
  RUN(the_handler_that_was_there_before_is_called);
  RUN(a_handler_without_information_is_called_too);
  RUN(a_handler_for_one_time_is_called_once);
  RUN(a_signal_that_was_sent_does_what_it_did_before);
  RUN(an_overflow_on_another_os_thread_is_told);
  return check_report();
}
