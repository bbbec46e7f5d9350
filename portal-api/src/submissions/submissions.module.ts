import { Module } from '@nestjs/common';
import { CcdRequestsController } from './ccd-requests.controller.js';
import { CcdRequestsService } from './ccd-requests.service.js';
import { MessagesController } from './messages.controller.js';
import { MessagesService } from './messages.service.js';
import { ReleaseWishesController } from './release-wishes.controller.js';
import { ReleaseWishesService } from './release-wishes.service.js';
import { SubmissionViews } from './submission-views.service.js';
import { SubmissionsService } from './submissions.service.js';

@Module({
  controllers: [MessagesController, ReleaseWishesController, CcdRequestsController],
  providers: [SubmissionsService, MessagesService, ReleaseWishesService, CcdRequestsService, SubmissionViews],
  exports: [SubmissionsService],
})
export class SubmissionsModule {}
