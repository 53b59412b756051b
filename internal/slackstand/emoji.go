package slackstand

import "strings"

// emojiTable pairs Slack's short names with what they look like: the ones that
// alerts and the people who answer them use. Others are shown by name.
const emojiTable = `eyes 👀 white_check_mark ✅ heavy_check_mark ✔️ x ❌ question ❓ grey_question ❔ exclamation ❗
heavy_exclamation_mark ❗ grey_exclamation ❕ warning ⚠️ rotating_light 🚨 fire 🔥 bell 🔔 no_bell 🔕 mag 🔍 mag_right 🔎
bulb 💡 robot_face 🤖 brain 🧠 thinking_face 🤔 hourglass ⌛ hourglass_flowing_sand ⏳ stopwatch ⏱️ alarm_clock ⏰
clock1 🕐 red_circle 🔴 large_orange_circle 🟠 orange_circle 🟠 large_yellow_circle 🟡 yellow_circle 🟡 large_green_circle 🟢
green_circle 🟢 large_blue_circle 🔵 blue_circle 🔵 large_purple_circle 🟣 white_circle ⚪ black_circle ⚫
large_red_square 🟥 large_yellow_square 🟨 large_green_square 🟩 large_blue_square 🟦 large_orange_square 🟧
+1 👍 thumbsup 👍 -1 👎 thumbsdown 👎 ok_hand 👌 wave 👋 pray 🙏 clap 👏 raised_hands 🙌 raised_hand ✋ muscle 💪
point_right 👉 point_left 👈 point_up 👆 point_down 👇 handshake 🤝 tada 🎉 rocket 🚀 sparkles ✨ star ⭐ star2 🌟 boom 💥
collision 💥 zap ⚡ bug 🐛 beetle 🪲 ambulance 🚑 fire_engine 🚒 construction 🚧 hammer 🔨 wrench 🔧 hammer_and_wrench 🛠️
gear ⚙️ nut_and_bolt 🔩 package 📦 ship 🚢 anchor ⚓ lock 🔒 unlock 🔓 key 🔑 shield 🛡️ no_entry ⛔ no_entry_sign 🚫
octagonal_sign 🛑 stop_sign 🛑 chart_with_upwards_trend 📈 chart_with_downwards_trend 📉 bar_chart 📊 clipboard 📋
memo 📝 pencil 📝 page_facing_up 📄 file_folder 📁 open_file_folder 📂 link 🔗 paperclip 📎 pushpin 📌 round_pushpin 📍
label 🏷️ bookmark 🔖 books 📚 book 📖 calendar 📆 date 📅 email 📧 envelope ✉️ incoming_envelope 📨 inbox_tray 📥
outbox_tray 📤 phone ☎️ telephone_receiver 📞 pager 📟 satellite 🛰️ satellite_antenna 📡 computer 💻 desktop_computer 🖥️
keyboard ⌨️ floppy_disk 💾 cd 💿 minidisc 💽 electric_plug 🔌 battery 🔋 cloud ☁️ sunny ☀️ rain_cloud 🌧️ snowflake ❄️
thunder_cloud_and_rain ⛈️ umbrella ☔ thermometer 🌡️ globe_with_meridians 🌐 earth_africa 🌍 earth_americas 🌎 earth_asia 🌏
arrow_up ⬆️ arrow_down ⬇️ arrow_left ⬅️ arrow_right ➡️ arrow_upper_right ↗️ arrow_lower_right ↘️ arrows_counterclockwise 🔄
repeat 🔁 rewind ⏪ fast_forward ⏩ arrow_forward ▶️ black_square_for_stop ⏹️ double_vertical_bar ⏸️ heavy_plus_sign ➕
heavy_minus_sign ➖ heavy_multiplication_x ✖️ information_source ℹ️ interrobang ⁉️ bangbang ‼️ 100 💯 sos 🆘 new 🆕 ok 🆗 up 🆙 cool 🆒
free 🆓 one 1️⃣ two 2️⃣ three 3️⃣ four 4️⃣ five 5️⃣ speech_balloon 💬 thought_balloon 💭 loudspeaker 📢 mega 📣 mute 🔇 speaker 🔈
money_with_wings 💸 moneybag 💰 credit_card 💳 receipt 🧾 shopping_trolley 🛒 ticket 🎫 admission_tickets 🎟️ dart 🎯 trophy 🏆
checkered_flag 🏁 triangular_flag_on_post 🚩 white_flag 🏳️ skull 💀 skull_and_crossbones ☠️ ghost 👻 alien 👽 heart ❤️
broken_heart 💔 green_heart 💚 blue_heart 💙 yellow_heart 💛 purple_heart 💜 smile 😄 smiley 😃 grinning 😀 grin 😁 joy 😂
slightly_smiling_face 🙂 wink 😉 blush 😊 sunglasses 😎 neutral_face 😐 confused 😕 worried 😟 cry 😢 sob 😭 scream 😱
dizzy_face 😵 exploding_head 🤯 face_with_monocle 🧐 shrug 🤷 facepalm 🤦 sleeping 😴 zzz 💤 partying_face 🥳 bow 🙇
runner 🏃 walking 🚶 detective 🕵️ male-detective 🕵️‍♂️ technologist 🧑‍💻 firefighter 🧑‍🚒 dog 🐶 datadog 🐶 cat 🐱 whale 🐳
elephant 🐘 snail 🐌 turtle 🐢 unicorn_face 🦄 cherry_blossom 🌸 four_leaf_clover 🍀 coffee ☕ beer 🍺 pizza 🍕 cake 🍰`

var emoji = func() map[string]string {
	words := strings.Fields(emojiTable)
	table := make(map[string]string, len(words)/2)
	for i := 0; i+1 < len(words); i += 2 {
		table[words[i]] = words[i+1]
	}
	return table
}()

// glyph is what an emoji name looks like, or the name between colons.
func glyph(name string) string {
	base, _, _ := strings.Cut(name, "::")
	if g, ok := emoji[base]; ok {
		return g
	}
	return ":" + name + ":"
}
