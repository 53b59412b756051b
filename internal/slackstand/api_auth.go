package slackstand

func (s *Server) authTest(c call) (map[string]any, error) {
	return map[string]any{
		"url": c.base + "/", "team": s.opt.TeamName, "team_id": s.opt.TeamID,
		"user": s.opt.BotName, "user_id": s.opt.BotUserID, "bot_id": s.opt.BotID,
		"is_enterprise_install": false,
	}, nil
}

func (s *Server) botsInfo(c call) (map[string]any, error) {
	id := c.args["bot"]
	if id == "" {
		id = s.opt.BotID
	}
	var out map[string]any
	err := s.store.read(func() error {
		b, ok := s.store.bots[id]
		if !ok {
			return refuse("bot_not_found")
		}
		out = map[string]any{"bot": map[string]any{
			"id": b.ID, "name": b.Name, "app_id": b.AppID, "user_id": b.UserID,
			"deleted": false, "updated": 0, "icons": map[string]any{},
		}}
		return nil
	})
	return out, err
}

func (s *Server) usersInfo(c call) (map[string]any, error) {
	id := c.args["user"]
	var out map[string]any
	err := s.store.read(func() error {
		u, ok := s.store.users[id]
		bot := id == s.opt.BotUserID
		if bot {
			u, ok = User{ID: id, Name: s.opt.BotName}, true
		}
		if !ok {
			return refuse("user_not_found")
		}
		out = map[string]any{"user": map[string]any{
			"id": u.ID, "team_id": s.opt.TeamID, "name": u.Name, "real_name": u.Name,
			"deleted": false, "is_bot": bot, "updated": 0,
			"profile": map[string]any{"real_name": u.Name, "display_name": u.Name, "team": s.opt.TeamID},
		}}
		return nil
	})
	return out, err
}
