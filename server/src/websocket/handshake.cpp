#include "websocket/handshake.hpp"

#include <Poco/SHA1Engine.h>

#include <cstddef>
#include <cstdint>

namespace roost::websocket {
namespace {

constexpr std::string_view kGuid = "258EAFA5-E914-47DA-95CA-C5AB0DC85B11";
constexpr std::string_view kBase64 = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";

}  // namespace

bool valid_key(std::string_view key) {
  if (key.size() != 24 || !key.ends_with("==")) return false;
  for (const char c : key.substr(0, 22)) {
    if (kBase64.find(c) == std::string_view::npos) return false;
  }
  return true;
}

std::array<char, 28> accept_key(std::string_view key) {
  Poco::SHA1Engine sha1;
  sha1.update(key.data(), key.size());
  sha1.update(kGuid.data(), kGuid.size());
  const Poco::DigestEngine::Digest& digest = sha1.digest();

  std::array<uint8_t, 21> bytes{};  // 20 of the digest and one of padding: seven groups of three
  for (size_t i = 0; i < 20; ++i) bytes[i] = digest[i];
  std::array<char, 28> out{};
  for (size_t i = 0; i < 7; ++i) {
    const uint32_t group = (uint32_t{bytes[3 * i]} << 16) | (uint32_t{bytes[3 * i + 1]} << 8) | bytes[3 * i + 2];
    for (size_t j = 0; j < 4; ++j) out[4 * i + j] = kBase64[(group >> (18 - 6 * j)) & 63];
  }
  out[27] = '=';
  return out;
}

}  // namespace roost::websocket
