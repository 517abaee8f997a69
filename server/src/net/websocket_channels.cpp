// The topics and the group of a WebSocketConnection.
#include "net/websocket_connection.hpp"
#include "net/websocket_loop.hpp"

namespace roost::net {

void WebSocketConnection::join(WebSocketChannel& channel) noexcept {
  const auto membership = static_cast<uint32_t>(memberships_.size());
  memberships_.push_back({&channel, static_cast<uint32_t>(channel.members.size())});
  channel.members.push_back({this, membership});
}

void WebSocketConnection::leave(size_t membership) noexcept {
  const auto [channel, index] = memberships_[membership];
  // The last one of each list takes the free place.
  channel->members[index] = channel->members.back();
  channel->members.pop_back();
  if (index < channel->members.size()) {
    const WebSocketChannel::Member moved = channel->members[index];
    moved.connection->memberships_[moved.membership].index = index;
  }
  memberships_[membership] = memberships_.back();
  memberships_.pop_back();
  if (membership < memberships_.size()) {
    const Membership& moved = memberships_[membership];
    moved.channel->members[moved.index].membership = static_cast<uint32_t>(membership);
  }
  loop_.left(*channel);
}

void WebSocketConnection::subscribe_here(std::string_view topic) noexcept {
  if (concluded_) return;
  WebSocketChannel& channel = loop_.channel(WebSocketChannel::Kind::topic, topic);
  for (const Membership& membership : memberships_) {
    if (membership.channel == &channel) return;
  }
  join(channel);
}

void WebSocketConnection::unsubscribe_here(std::string_view topic) noexcept {
  for (size_t i = 0; i < memberships_.size(); ++i) {
    const WebSocketChannel& channel = *memberships_[i].channel;
    if (channel.kind == WebSocketChannel::Kind::topic && channel.name == topic) return leave(i);
  }
}

}  // namespace roost::net
