// SPDX-License-Identifier: MIT
// Encrypted sockets: contexts, and what a connection tells. docs/tls.md has the rules.
#ifndef COPAS_TLS_HPP
#define COPAS_TLS_HPP

#include "dispatcher_ref.hpp"

#ifdef COPAS_HAS_TLS

#include <optional>
#include <string>
#include <vector>

namespace copas_cpp {

/// A certificate with its key, each in a file or as PEM text. What is set to empty text is an error.
struct tls_identity {
  std::optional<std::string> certificate_file = {};
  std::optional<std::string> key_file = {};
  std::optional<std::string> certificate = {};
  std::optional<std::string> key = {};
};

/// Settings of a context; without any a client verifies by the CAs that the system trusts.
struct tls_options {
  std::vector<tls_identity> identities = {};
  /// Whom to trust instead, as a file or as PEM text. What is set to empty text is an error, so that a
  /// bundle that came to nothing does not turn the verification of clients off.
  std::optional<std::string> ca_file = {};
  std::optional<std::string> ca = {};
  /// Application protocols, best first: "h2,http/1.1".
  std::optional<std::string> alpn = {};
  /// COPAS_TLS_1_2 or COPAS_TLS_1_3; 0: COPAS_TLS_1_2.
  int min_version = 0;
  /// COPAS_TLS_NO_RESUMPTION and the like.
  std::uint64_t flags = 0;
};

namespace detail {

inline const char *text_or_null(const std::optional<std::string> &text) noexcept
{
  return text ? text->c_str() : nullptr;
}

inline std::size_t length_or_0(const std::optional<std::string> &text) noexcept
{
  return text ? text->size() : 0;
}

/// Calls `use` with the options as C has them, which are valid meanwhile.
template <class F> int with_tls_options(const tls_options &settings, F &&use)
{
  std::vector<copas_tls_identity> identities;
  for (const tls_identity &identity : settings.identities)
    identities.push_back({text_or_null(identity.certificate_file), text_or_null(identity.key_file),
                          text_or_null(identity.certificate), length_or_0(identity.certificate),
                          text_or_null(identity.key), length_or_0(identity.key)});
  copas_tls_options options{};
  options.size = sizeof options;
  options.flags = settings.flags;
  options.identities = identities.data();
  options.identity_count = identities.size();
  options.ca_file = text_or_null(settings.ca_file);
  options.ca = text_or_null(settings.ca);
  options.ca_len = length_or_0(settings.ca);
  options.alpn = text_or_null(settings.alpn);
  options.min_version = settings.min_version;
  return use(&options);
}

} // namespace detail

/// What encrypted connections share. A copy is one more reference; belongs to no dispatcher.
class tls_context {
public:
  tls_context() noexcept = default;
  /// `role`: COPAS_TLS_SERVER or COPAS_TLS_CLIENT. `d` is told what is wrong.
  tls_context(dispatcher_ref d, int role, const tls_options &settings = {},
              std::error_code &ec = detail::throwing)
  {
    const auto make = [&](const copas_tls_options *options) {
      return copas_tls_context_new(d.native(), role, options, &raw_);
    };
    detail::settle(detail::with_tls_options(settings, make), d.native(), ec);
  }
  tls_context(const tls_context &other) noexcept : raw_(other.raw_)
  {
    if (raw_ != nullptr) copas_tls_context_retain(raw_);
  }
  tls_context(tls_context &&other) noexcept : raw_(std::exchange(other.raw_, nullptr)) {}
  tls_context &operator=(tls_context other) noexcept
  {
    std::swap(raw_, other.raw_);
    return *this;
  }
  ~tls_context()
  {
    if (raw_ != nullptr) copas_tls_context_release(raw_);
  }

  copas_tls_context *native() const noexcept { return raw_; }
  explicit operator bool() const noexcept { return raw_ != nullptr; }

  /// New settings for handshakes that begin afterwards.
  void reload(dispatcher_ref d, const tls_options &settings,
              std::error_code &ec = detail::throwing) const
  {
    const auto load = [&](const copas_tls_options *options) {
      return copas_tls_context_reload(d.native(), raw_, options);
    };
    detail::settle(detail::with_tls_options(settings, load), d.native(), ec);
  }

  /// How many handshakes ended how; zeros of a moved-from context.
  copas_tls_stats stats() const noexcept
  {
    copas_tls_stats told{};
    told.size = sizeof told;
    copas_tls_context_stats(raw_, &told);
    return told;
  }

private:
  copas_tls_context *raw_ = nullptr;
};

} // namespace copas_cpp

#endif
#endif
