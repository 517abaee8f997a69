// JSON in a plugin, through RapidJSON: opt-in, the rest of the SDK does without. The plugin's build finds RapidJSON
// itself (Debian: rapidjson-dev; headers alone).
//
//   plugin.handler("sum", [](const roost::Request& request) {
//     const rapidjson::Document body = roost::json_body(request);              // 400 when it is no JSON
//     double sum = 0;
//     for (const rapidjson::Value& number : roost::json_array(body, "numbers")) sum += number.GetDouble();
//     return roost::json_response([&](roost::JsonWriter& json) {
//       json.StartObject();
//       json.Key("sum");
//       json.Double(sum);
//       json.EndObject();
//     });
//   });
#pragma once

#include <rapidjson/document.h>
#include <rapidjson/error/en.h>
#include <rapidjson/writer.h>

#include <cstdint>
#include <string>
#include <string_view>
#include <type_traits>
#include <utility>

#include "plugin.hpp"

namespace roost ROOST_SDK {

namespace detail {

// RapidJSON's output stream into a string, which then is the response's body.
struct StringStream {
  using Ch = char;
  std::string& out;

  void Put(char c) { out.push_back(c); }
  void Flush() {}
};

}  // namespace detail

// RapidJSON's writer: StartObject(), Key("x"), Int(1), String(data, size), EndObject(), ... Refuses what is no UTF-8.
using JsonWriter = rapidjson::Writer<detail::StringStream, rapidjson::UTF8<>, rapidjson::UTF8<>,
                                     rapidjson::CrtAllocator, rapidjson::kWriteValidateEncodingFlag>;

// The body, read whole. Numbers keep their precision, nesting is read without recursion. Throws HttpError 400 with
// place and reason when it is no JSON.
inline rapidjson::Document json_body(const Request& request) {
  rapidjson::Document document;
  constexpr unsigned kFlags =
      rapidjson::kParseFullPrecisionFlag | rapidjson::kParseValidateEncodingFlag | rapidjson::kParseIterativeFlag;
  if (request.body_file() >= 0) {
    const std::string body = request.read_body();
    document.Parse<kFlags>(body.data(), body.size());
  } else {
    document.Parse<kFlags>(request.body().data(), request.body().size());
  }
  if (document.HasParseError()) {
    throw HttpError(400, join("the body is no JSON: ", rapidjson::GetParseError_En(document.GetParseError()),
                              " At byte ", document.GetErrorOffset(), "."));
  }
  return document;
}

// A member of an object. Each throws HttpError 400 that names it when it is missing or of another type.
inline const rapidjson::Value& json_member(const rapidjson::Value& object, std::string_view name) {
  if (!object.IsObject()) throw HttpError(400, join("an object with \"", name, "\" is expected"));
  const auto found = object.FindMember(
      rapidjson::Value(rapidjson::StringRef(name.data(), static_cast<rapidjson::SizeType>(name.size()))));
  if (found == object.MemberEnd()) throw HttpError(400, join("\"", name, "\" is missing"));
  return found->value;
}
// Valid as long as the document.
inline std::string_view json_text(const rapidjson::Value& object, std::string_view name) {
  const rapidjson::Value& value = json_member(object, name);
  if (!value.IsString()) throw HttpError(400, join("\"", name, "\" is no text"));
  return {value.GetString(), value.GetStringLength()};
}
inline int64_t json_integer(const rapidjson::Value& object, std::string_view name) {
  const rapidjson::Value& value = json_member(object, name);
  if (!value.IsInt64()) throw HttpError(400, join("\"", name, "\" is no whole number"));
  return value.GetInt64();
}
inline double json_number(const rapidjson::Value& object, std::string_view name) {
  const rapidjson::Value& value = json_member(object, name);
  if (!value.IsNumber()) throw HttpError(400, join("\"", name, "\" is no number"));
  return value.GetDouble();
}
inline bool json_boolean(const rapidjson::Value& object, std::string_view name) {
  const rapidjson::Value& value = json_member(object, name);
  if (!value.IsBool()) throw HttpError(400, join("\"", name, "\" is neither true nor false"));
  return value.GetBool();
}
inline rapidjson::Value::ConstArray json_array(const rapidjson::Value& object, std::string_view name) {
  const rapidjson::Value& value = json_member(object, name);
  if (!value.IsArray()) throw HttpError(400, join("\"", name, "\" is no list"));
  return value.GetArray();
}

// From what `write(JsonWriter&)` writes, or from a document or value. Throws std::invalid_argument when that is no
// whole JSON value (a text that is no UTF-8, a number that is not finite, an object left open).
template <class Write>
Response json_response(Write&& write, uint16_t status = 200) {
  std::string body;
  detail::StringStream stream{body};
  JsonWriter writer(stream);
  bool written = true;
  if constexpr (std::is_base_of_v<rapidjson::Value, std::decay_t<Write>>) {
    written = write.Accept(writer);
  } else {
    write(writer);
  }
  if (!written || !writer.IsComplete()) throw std::invalid_argument("the JSON that was written is not whole");
  return std::move(Response::json(std::move(body)).with_status(status));
}

}  // namespace ROOST_SDK
